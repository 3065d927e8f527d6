"""The repository: restic in a job, its answers read, its failures told with a remedy.

restic's JSON: https://restic.readthedocs.io/en/stable/075_scripting.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from orthancgen.backup.job import FULL, MAKE_ROOM, Ended, Job, Jobs, Mount, said
from orthancgen.errors import BackupError, EngineError
from orthancgen.secrets.value import SecretValue
from orthancgen.site.backup import Backup, Keep
from orthancgen.site.problems import printable

PASSWORD: Final = "ORTHANCGEN_PASSWORD"  # noqa: S105  the name of a variable
NEW_PASSWORD: Final = "ORTHANCGEN_NEW_PASSWORD"  # noqa: S105
_FOLDER: Final = "/repository"
_INCOMPLETE, _ABSENT, _LOCKED, _WRONG_PASSWORD = 3, 10, 11, 12
"""Exit statuses of restic: https://restic.readthedocs.io/en/stable/075_scripting.html#exit-codes"""
_GONE: Final = "no such file or directory"
_LONGEST: Final = 600
"""Characters of what restic says; its reason stands at the end, after long paths."""
_OPEN_SECONDS: Final = 60
_TOOK_TOO_LONG: Final = 124
"""Exit status of timeout(1)."""
_LOCK_WAIT: Final = "5m"
_REMEDIES: Final[tuple[tuple[str, str], ...]] = (
    *((sign, MAKE_ROOM) for sign in FULL),
    ("read-only file system", "the repository's file system is mounted read-only"),
    ("permission denied", "whoever runs the engine must be able to write the repository"),
    ("401 unauthorized", "the store refuses the credentials: see backup.environment"),
    ("403 forbidden", "the store permits this to nobody, or not to these credentials: see backup.environment"),
    ("bind source path does not exist", "make the folder on the engine's host, or mount the disk that it lies on"),
    ("repository contains errors", "orthancgen backup ENV --check names them; restic's page on troubleshooting helps"),
)
"""What restic or the engine says -> what to do."""


class WrongPasswordError(BackupError):
    """The repository is there and another password opens it."""


class AbsentError(BackupError):
    """There is no repository."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot as restic lists it.

    Attributes:
        id: whole identity.
        time: when it was made, as restic writes it.
        tags: what it is marked with.
        bytes: of what was read; 0 where restic did not note it.
    """

    id: str
    time: str
    tags: tuple[str, ...]
    bytes: int = 0

    def tag(self, name: str) -> str:
        """The value of the tag ``NAME:VALUE``, or nothing."""
        return next((tag.partition(":")[2] for tag in self.tags if tag.startswith(f"{name}:")), "")


@dataclass(frozen=True, slots=True)
class Saved:
    """What one snapshot took in.

    Attributes:
        snapshot: its identity.
        files: how many files it has.
        bytes: their size.
        added: bytes that were new to the repository, as they lie there.
        gone: files that were deleted while they were being read.
    """

    snapshot: str
    files: int
    bytes: int
    added: int
    gone: int = 0


@dataclass(frozen=True)
class Repository:
    """One repository.

    Attributes:
        jobs: where restic runs.
        settings: `backup:` of the environment.
        password: what opens it.
        credentials: of a remote store, by the name of restic's variable.
        cache: name of the volume of restic's cache.
    """

    jobs: Jobs
    settings: Backup
    password: SecretValue = field(repr=False)
    credentials: Mapping[str, SecretValue] = field(repr=False)
    cache: str

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self.settings.repository or ""

    def exists(self) -> bool:
        """Whether there is one that the password opens.

        Raises:
            WrongPasswordError: another password opens it.
            BackupError: it cannot be reached.
        """
        try:
            self.call("open the repository", ["--seconds", str(_OPEN_SECONDS), "cat", "config", "--quiet", "--no-lock"])
        except AbsentError:
            return False
        return True

    def create(self) -> None:
        """Make it.

        Raises:
            BackupError: it cannot be written.
        """
        self.call("make the repository", ["init", "--quiet"])

    def change_password(self, new: SecretValue) -> None:
        """Let another password open it, and this one no more.

        Raises:
            BackupError: it cannot be changed.
        """
        arguments = ["key", "passwd", "--new-password-file", "/run/secrets/new_password"]
        self.call("change the password of the repository", arguments, more={NEW_PASSWORD: new})

    def save(
        self,
        paths: Sequence[str],
        tags: Iterable[str],
        time: str,
        mounts: Sequence[Mount] = (),
        exclude: Sequence[str] = (),
        *,
        payload: bytes = b"",
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Saved:
        """Make a snapshot of folders, or of `payload` as a file of the one path that is named.

        Args:
            paths: absolute, as the job sees them.
            tags: of the snapshot.
            time: that it bears, ``YYYY-MM-DD HH:MM:SS`` in UTC.
            mounts: what the job needs to see them.
            exclude: absolute paths that stay out.
            payload: content of the file, where nothing is read from a mount.
            progress: told bytes done and bytes in all.

        Raises:
            BackupError: it failed, or something could not be read though it is there.
        """
        arguments = ["backup", "--json", "--host", self._host, "--time", time, "--tag", ",".join(tags)]
        arguments += [word for path in exclude for word in ("--exclude", path)]
        if payload:
            arguments = ["--stdin-bytes", str(len(payload)), *arguments, "--stdin", "--stdin-filename", *paths]
        else:
            arguments += ["--", *paths]
        seen = _Progress(progress)
        what = f"save {', '.join(paths)}"
        ended = self._run(what, arguments, mounts, payload=payload, on_line=seen.take)
        unread = [problem for problem in (*seen.problems, *_problems(ended.errors)) if _GONE not in problem]
        if ended.code not in {0, _INCOMPLETE}:
            raise self._failure(what, ended)
        if unread or seen.summary is None:
            raise BackupError(f"cannot {what}: {'; '.join(unread[:3]) or 'restic gave no summary'}")
        gone = len({problem for problem in (*seen.problems, *_problems(ended.errors)) if _GONE in problem})
        summary = seen.summary
        return Saved(
            str(summary["snapshot_id"]),
            int(summary["total_files_processed"]),
            int(summary["total_bytes_processed"]),
            int(summary.get("data_added_packed", summary["data_added"])),
            gone,
        )

    def snapshots(self, tags: Iterable[str]) -> list[Snapshot]:
        """The snapshots with all those tags, oldest first.

        Raises:
            BackupError: the repository cannot be read.
        """
        lines = self.call("list the backups", ["snapshots", "--json", "--no-lock", "--tag", ",".join(tags)])
        found: list[dict[str, Any]] = json.loads("".join(lines) or "[]") or []
        snapshots = [
            Snapshot(
                one["id"],
                one["time"],
                tuple(one.get("tags") or ()),
                int((one.get("summary") or {}).get("total_bytes_processed", 0)),
            )
            for one in found
        ]
        return sorted(snapshots, key=lambda one: one.time)

    def read(self, snapshot: str, path: str) -> bytes:
        """A small file of a snapshot.

        Raises:
            BackupError: it is not there, or cannot be read.
        """
        content = bytearray()
        self.call(f"read {path} of the backup", ["dump", "--no-lock", snapshot, path], on_bytes=content.extend)
        return bytes(content)

    def restore(self, snapshot: str, path: str, target: Mount, folder: str = "") -> None:
        """Bring a folder of a snapshot back into the mount, or into a folder of it.

        Raises:
            BackupError: it cannot be read or written whole.
        """
        arguments = ["restore", "--no-lock", f"{snapshot}:{path}", "--target", target.target + folder, "--quiet"]
        self.call(f"restore {path}", arguments, [target])

    def due_to_go(self, tags: Iterable[str], keep: Keep) -> list[str]:
        """Identities of the snapshots with those tags that the rule does not keep.

        Raises:
            BackupError: the repository cannot be read.
        """
        rule = [
            word
            for name in ("last", "daily", "weekly", "monthly", "yearly")
            for word in (f"--keep-{name}", str(getattr(keep, name)))
            if getattr(keep, name)
        ]
        arguments = ["forget", "--dry-run", "--json", "--no-lock", "--group-by", "host", "--tag", ",".join(tags), *rule]
        lines = self.call("choose which backups are kept", arguments)
        groups: list[dict[str, Any]] = json.loads("".join(lines) or "[]") or []
        return [str(one["id"]) for group in groups for one in group.get("remove") or ()]

    def forget(self, snapshots: Sequence[str]) -> None:
        """Remove snapshots, and what no other one needs.

        Raises:
            BackupError: it cannot be written.
        """
        self.call("remove old backups", ["forget", "--quiet", "--prune", "--retry-lock", _LOCK_WAIT, *snapshots])

    def unlock(self) -> None:
        """Remove locks whose holders are gone.

        Raises:
            BackupError: it cannot be written.
        """
        self.call("remove stale locks", ["unlock", "--quiet"])

    def check(self, percent: int) -> tuple[str, ...]:
        """What is wrong with the repository; nothing where all is well.

        Args:
            percent: how much of the data is read back.

        Raises:
            BackupError: it could not be checked.
        """
        arguments = ["check", "--retry-lock", _LOCK_WAIT]
        arguments += [f"--read-data-subset={percent}%"] if percent else []
        ended = self._run("check the repository", arguments)
        if ended.code == 0:
            return ()
        if ended.code != 1:
            raise self._failure("check the repository", ended)
        # Nothing but a repository that is there and opens has errors to be found.
        self.exists()
        found = tuple(printable(line, _LONGEST) for line in ended.errors if line.strip() and not line.startswith("["))
        return found or ("restic found errors",)

    @property
    def _host(self) -> str:
        return f"orthancgen-{self.jobs.environment}"

    def call(
        self,
        what: str,
        arguments: Sequence[str],
        mounts: Sequence[Mount] = (),
        *,
        more: Mapping[str, SecretValue] | None = None,
        on_bytes: Callable[[bytes], object] | None = None,
    ) -> tuple[str, ...]:
        """Run restic; the lines of its standard output.

        Raises:
            WrongPasswordError, AbsentError, BackupError: it failed.
        """
        ended = self._run(what, arguments, mounts, more=more, on_bytes=on_bytes)
        if ended.code != 0:
            raise self._failure(what, ended)
        return ended.output

    def _run(
        self,
        what: str,
        arguments: Sequence[str],
        mounts: Sequence[Mount] = (),
        *,
        more: Mapping[str, SecretValue] | None = None,
        payload: bytes = b"",
        on_line: Callable[[str], None] | None = None,
        on_bytes: Callable[[bytes], object] | None = None,
    ) -> Ended:
        folder = self.place.startswith("/")
        where = _FOLDER if folder else self.place
        options = [*arguments]
        at = 2 if options[0] in {"--stdin-bytes", "--seconds"} else 0
        options[at:at] = ["--repo", where]
        own = [Mount(self.place, _FOLDER, read_only=False)] if folder else []
        job = Job(
            what,
            "restic.sh",
            options,
            [*own, Mount(self.cache, "/cache", read_only=False), *mounts],
            network="none" if folder else "bridge",
            secrets={PASSWORD: self.password, **self.credentials, **(more or {})},
            payload=payload,
        )
        try:
            return self.jobs.run(job, on_line, on_bytes)
        except EngineError as error:
            # A folder that is not there is refused by the engine, before restic is asked.
            raise BackupError(error.message, hint=remedy(error.message) or error.hint) from None

    def _failure(self, what: str, ended: Ended) -> BackupError:
        problems = _problems(ended.errors) or (said(ended),)
        text = printable("; ".join(dict.fromkeys(problems[-3:])), _LONGEST)
        if ended.code == _TOOK_TOO_LONG:
            return BackupError(
                f"the repository at {self.place} does not answer",
                hint="does its server run, and may the engine's host reach it? see backup.repository",
            )
        if ended.code == _ABSENT:
            return AbsentError(f"there is no repository at {self.place}", hint=f"restic says: {text}")
        if ended.code == _WRONG_PASSWORD:
            return WrongPasswordError(
                f"the password does not open the repository at {self.place}",
                hint="it was made with another one: put that one in the place that `secrets:` names, or into the "
                f"secret {self.settings.password.secret} of the state folder",
            )
        if ended.code == _LOCKED:
            return BackupError(
                f"cannot {what}: somebody else works on the repository at {self.place}",
                hint="wait for its end; a lock of a run that was killed is taken away after half an hour",
            )
        return BackupError(f"cannot {what}: {text}", hint=remedy(text))


def remedy(text: str) -> str | None:
    """What to do about a failure that restic or the engine told."""
    return next((hint for sign, hint in _REMEDIES if sign in text.casefold()), None)


class _Progress:
    """Follows restic's lines of JSON."""

    def __init__(self, progress: Callable[[int, int], None]) -> None:
        self._progress = progress
        self.summary: dict[str, Any] | None = None
        self.problems: list[str] = []

    def take(self, line: str) -> None:
        try:
            message: dict[str, Any] = json.loads(line)
        except ValueError:
            return
        kind = message.get("message_type")
        if kind == "status":
            self._progress(int(message.get("bytes_done", 0)), int(message.get("total_bytes", 0)))
        elif kind == "summary":
            self.summary = message
        elif kind == "error":
            self.problems.append(_problem(message))


def _problems(lines: Sequence[str]) -> tuple[str, ...]:
    """The errors among restic's lines, in JSON or in words."""
    found = []
    for line in lines:
        try:
            message = json.loads(line)
        except ValueError:
            if line.startswith(("Fatal:", "error:")):
                found.append(line.partition(":")[2].strip())
            continue
        if isinstance(message, dict) and message.get("message_type") in {"error", "exit_error"}:
            found.append(_problem(message))
    return tuple(found)


def _problem(message: Mapping[str, Any]) -> str:
    error = message.get("error")
    text = error.get("message") if isinstance(error, dict) else message.get("message")
    item = message.get("item")
    return printable(f"{item}: {text}" if item else str(text), _LONGEST).removeprefix("Fatal: ")
