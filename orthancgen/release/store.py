"""The releases of one environment on disk.

    releases/0007/bundle/...      the rendered files, without any secret
    releases/0007/files.json      their order, modes, services and digests
    releases/0007/release.json    what is known of it (:class:`.model.Release`)
    current.json                  the number of the release in use

A release appears by one rename, and ``current.json`` is replaced by another one. Whoever calls holds the lock of the
environment, so a folder with the name of an unfinished one is the work of a run that was killed.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path, PurePosixPath
from typing import Final

from orthancgen.errors import DeployError, InputError
from orthancgen.release.disk import cannot, load, replace, sync_folder, to_json, writing
from orthancgen.release.model import Draft, Release, Verified, now
from orthancgen.render.artifact import Bundle, File

_NUMBER: Final = re.compile(r"[0-9]{4,9}")
_UNFINISHED: Final = re.compile(r"\.[0-9]{4,9}\.(part|removed)")


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    mode: int
    services: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class _Files:
    files: tuple[_File, ...]


@dataclass(frozen=True, slots=True)
class _Current:
    release: int


class ReleaseStore:
    """The folder ``releases`` of a state folder, and the file ``current.json`` beside it."""

    def __init__(self, state_folder: Path) -> None:
        self.folder = state_folder / "releases"
        self.current_file = state_folder / "current.json"

    def begin(self, draft: Draft, bundle: Bundle) -> Release:
        """Store a new release, whole or not at all; its state is ``begun``.

        Raises:
            DeployError: it cannot be written.
        """
        with writing(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._clean()
            newest = max((0, *self._numbers()))
            if newest and (left := self.get(newest)).state == "begun":
                self.fail(left)  # its run was killed: the lock is ours now
            number = max(newest, self._current_number() or 0) + 1
            release = Release(number, now(), draft)
            part = self.folder / f".{number:04}.part"
            try:
                _write(part, release, bundle)
                part.rename(self._path(number))
                sync_folder(self.folder)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
        return release

    def complete(
        self,
        release: Release,
        *,
        index_schema: int | None = None,
        verified: Verified | None = None,
        facts: Mapping[str, Mapping[str, object]] | None = None,
    ) -> Release:
        """Call a release good and make it the current one; what a rollback left becomes ``rolled back``.

        Where the process is killed in between, the journal is open still; calling this anew does the rest.

        Raises:
            DeployError: it cannot be written. The current release is the earlier one still.
        """
        good = changed(
            release,
            state="good",
            index_schema=index_schema if index_schema is not None else release.index_schema,
            verified=verified or release.verified,
            facts=facts if facts is not None else release.facts,
        )
        self._store(good)
        with writing(self.current_file):
            replace(self.current_file, to_json(_Current(release.number)))
        left = release.draft.rolled_back_from
        if left is not None and left in self._numbers():
            earlier = self.get(left)
            if earlier.state == "good":
                self._store(changed(earlier, state="rolled back"))
        return good

    def fail(self, release: Release, verified: Verified | None = None) -> Release:
        """Call a release failed; the current one stays.

        Raises:
            DeployError: it cannot be written, or it is the one in use: that was proven, and is only left for another.
        """
        if release.number == self._current_number():
            raise DeployError(
                f"release {release.number} is in use, and was proven: it cannot be called failed",
                hint=f"orthancgen rollback {release.draft.environment}",
            )
        failed = changed(release, state="failed", verified=verified or release.verified)
        self._store(failed)
        return failed

    def current(self) -> Release | None:
        """The release that is in use, or None before the first.

        Raises:
            DeployError: a record cannot be read, or is damaged.
        """
        number = self._current_number()
        if number is None:
            return None
        if number not in self._numbers():
            raise DeployError(
                f"{self.current_file} names release {number}, which is not in {self.folder}",
                hint=f"put it back from a backup of the state folder; or remove {self.current_file} and deploy anew",
            )
        return self.get(number)

    def previous_good(self) -> Release | None:
        """The release that a rollback without a number goes to: the last good one with another content, or None.

        Raises:
            DeployError: a record cannot be read, or is damaged.
        """
        current = self.current()
        if current is None:
            return None
        before = current.draft.restores or current.number
        good = [one for one in self.list() if one.number < before and one.state == "good"]
        return good[-1] if good else None

    def get(self, number: int) -> Release:
        """One release.

        Raises:
            InputError: there is none of that number.
            DeployError: its record cannot be read, or is damaged.
        """
        path = self._path(number) / "release.json"
        release = load(Release, path, f"the record of release {number}", self._remedy(number))
        if release is None:
            raise self._unknown(number)
        return release

    def list(self) -> tuple[Release, ...]:
        """All releases, by number.

        Raises:
            DeployError: a record cannot be read, or is damaged.
        """
        return tuple(self.get(number) for number in self._numbers())

    def bundle(self, number: int) -> Bundle:
        """The files of a release, as they were rendered.

        Raises:
            InputError: there is no release of that number.
            DeployError: a file cannot be read, or is not as it was.
        """
        folder = self._path(number)
        listed = load(_Files, folder / "files.json", f"the list of files of release {number}", self._remedy(number))
        if listed is None:
            raise self._unknown(number)
        return Bundle(tuple(self._file(number, one) for one in listed.files))

    def bundle_folder(self, number: int) -> Path:
        """Where the files of a release lie."""
        return self._path(number) / "bundle"

    def prune(self, keep: int) -> tuple[int, ...]:
        """Remove all releases but the newest; the current and the previous good one stay in any case.

        Args:
            keep: how many stay, at least 1.

        Returns:
            The numbers of those that were removed.

        Raises:
            DeployError: a record cannot be read, or a folder cannot be removed.
        """
        if keep < 1:
            raise ValueError(keep)
        needed = {one.number for one in (self.current(), self.previous_good()) if one}
        numbers = self._numbers()
        removed = tuple(number for number in numbers[:-keep] if number not in needed)
        with writing(self.folder):
            for number in removed:
                self._path(number).rename(self.folder / f".{number:04}.removed")
            self._clean()
        return removed

    def _file(self, number: int, listed: _File) -> File:
        path = self.bundle_folder(number) / listed.path
        if PurePosixPath(listed.path).is_absolute() or ".." in PurePosixPath(listed.path).parts:
            raise self._not_as_it_was(number, path)
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise self._not_as_it_was(number, path) from None
        except OSError as error:
            raise cannot("read", path, error) from None
        if hashlib.sha256(content).hexdigest() != listed.sha256:
            raise self._not_as_it_was(number, path)
        # The names of services were checked by the program that wrote them; a later one may know others.
        return File(listed.path, content, listed.mode, listed.services)  # type: ignore[arg-type]

    def _store(self, release: Release) -> None:
        path = self._path(release.number) / "release.json"
        with writing(path):
            replace(path, to_json(release))

    def _clean(self) -> None:
        for path in self.folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                shutil.rmtree(path)

    def _numbers(self) -> tuple[int, ...]:
        try:
            return tuple(sorted(int(path.name) for path in self.folder.iterdir() if _NUMBER.fullmatch(path.name)))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise cannot("read", self.folder, error) from None

    def _current_number(self) -> int | None:
        remedy = f'write {{"release": N}} into it with the number of the release that runs, of those in {self.folder}'
        current = load(_Current, self.current_file, "the record of the current release", remedy)
        return current.release if current else None

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:04}"

    def _remedy(self, number: int) -> str:
        return f"put it back from a backup of the state folder, or move {self._path(number)} away"

    def _unknown(self, number: int) -> InputError:
        known = ", ".join(map(str, self._numbers())) or "none"
        return InputError(f"there is no release {number}", hint=f"releases kept: {known}")

    def _not_as_it_was(self, number: int, path: Path) -> DeployError:
        return DeployError(f"a file of release {number} is not as it was deployed: {path}", hint=self._remedy(number))


def _write(folder: Path, release: Release, bundle: Bundle) -> None:
    folder.mkdir(mode=0o700)
    (folder / "bundle").mkdir(mode=0o700)
    folders = {folder, folder / "bundle"}
    listed = []
    for file in bundle.files:
        path = folder / "bundle" / file.path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        folders |= {parent for parent in path.parents if parent.is_relative_to(folder)}
        replace(path, file.content, file.mode)
        listed.append(_File(file.path, file.mode, file.services, hashlib.sha256(file.content).hexdigest()))
    replace(folder / "files.json", to_json(_Files(tuple(listed))))
    replace(folder / "release.json", to_json(release))
    for one in folders:
        sync_folder(one)
