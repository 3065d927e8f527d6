"""What git is about to keep, what it tracks, and everything it has: as names and contents."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from orthancgen.errors import InputError
from orthancgen.secrets.scan.content import MAXIMUM_BYTES, Content

ATTRIBUTE: Final = "orthancgen-allow-secrets"
"""Of files in .gitattributes, such as samples: `tests/samples/** orthancgen-allow-secrets`."""
_LINK, _SUBMODULE = "120000", "160000"
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Repository:
    """A checkout. `top` is its uppermost folder."""

    top: Path

    def staged(self) -> Iterator[Content]:
        """Files that the next commit adds or changes, as it would keep them."""
        # A renamed file is an added one here. Without a commit, everything in the index is added.
        fields = _fields(
            self._git("diff", "--cached", "--raw", "--no-abbrev", "--no-renames", "-z", "--diff-filter=ACMT")
        )
        yield from self._contents(
            (os.fsdecode(name), what.split()[3].decode())
            for what, name in zip(fields[::2], fields[1::2], strict=True)
            if what.split()[1].decode() not in {_LINK, _SUBMODULE}
        )

    def tracked(self) -> Iterator[Content]:
        """Every file of the index, as the index has it."""
        entries = (entry.partition(b"\t") for entry in _fields(self._git("ls-files", "--stage", "-z")))
        yield from self._contents(
            (os.fsdecode(name), what.split()[1].decode())
            for what, _, name in entries
            if what.split()[0].decode() not in {_LINK, _SUBMODULE}
        )

    def history(self) -> Iterator[Content]:
        """Every version of every file that git has, also those that no branch reaches any more; each content once."""
        names: dict[str, str] = {}
        for line in self._git("rev-list", "--objects", "--all", "--reflog").split(b"\n"):
            blob, _, name = line.partition(b" ")
            if name:
                names.setdefault(blob.decode(), os.fsdecode(name))
        listed = self._git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)")
        blobs = [line[5:].decode() for line in listed.split(b"\n") if line.startswith(b"blob ")]
        yield from self._contents((names.get(blob, f"blob {blob[:12]}"), blob) for blob in blobs)

    def since(self, revision: str) -> Iterator[Content]:
        """Every version of every file that commits since a revision have brought.

        Raises:
            InputError: there is no such revision.
        """
        # Asked for by itself: so it can be no option of what follows.
        base = self._git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
        listed = self._git(
            "rev-list", "--objects", "--filter=object:type=blob", "--filter-provided-objects", "HEAD", f"^{base}"
        )
        entries = (line.partition(b" ") for line in listed.splitlines())
        yield from self._contents((os.fsdecode(name), blob.decode()) for blob, _, name in entries if name)

    def names(self) -> frozenset[str]:
        """Names of all tracked files."""
        return frozenset(os.fsdecode(name) for name in _fields(self._git("ls-files", "-z")))

    def allowed(self, names: Sequence[str]) -> frozenset[str]:
        """Those of which .gitattributes, as it is staged, says that what looks like a secret in them is none."""
        given = b"".join(os.fsencode(name) + b"\0" for name in names)
        said = _fields(self._git("check-attr", "-z", "--cached", "--stdin", ATTRIBUTE, given=given))
        return frozenset(
            os.fsdecode(name)
            for name, value in zip(said[::3], said[2::3], strict=True)
            if value not in {b"unspecified", b"unset", b"false"}
        )

    def name_of(self, path: Path) -> str | None:
        """The name of a path in the repository; None where it lies outside. A link is the file that it is itself."""
        try:
            return (path.parent.resolve() / path.name).relative_to(self.top).as_posix()
        except (ValueError, OSError, RuntimeError):  # RuntimeError: a symbolic link to itself
            return None

    def not_ignored(self, folder: Path) -> list[Path]:
        """Files below a folder that are tracked, or could be."""
        listed = self._git(
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            self.name_of(folder) or ".",
        )
        return [self.top / os.fsdecode(name) for name in dict.fromkeys(_fields(listed))]

    def first_commit(self, blob: str) -> str:
        """The oldest commit that has a content, or "" where none has."""
        commits = self._git("log", "--all", "--reflog", "--format=%H", f"--find-object={blob}").split()
        return commits[-1].decode() if commits else ""

    def _contents(self, entries: Iterator[tuple[str, str]]) -> Iterator[Content]:
        """Read contents one after the other from one process of git, so that one is in memory at a time."""
        listed = list(entries)
        allowed = self.allowed([name for name, _ in listed])
        with subprocess.Popen(
            ["git", *_SAFE, "cat-file", "--batch"],
            cwd=self.top,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            if process.stdin is None or process.stdout is None:
                raise AssertionError("pipes were asked for")
            for name, blob in listed:
                process.stdin.write(f"{blob}\n".encode("ascii"))
                process.stdin.flush()
                shown = os.path.relpath(self.top / name)
                content = _next(process.stdout)
                yield Content(name, shown, content, blob=blob, tracked=True, allowed=name in allowed)
            process.stdin.close()

    def _git(self, *arguments: str, given: bytes = b"") -> bytes:
        return _run(self.top, *arguments, given=given)


def repository_of(folder: Path) -> Repository | None:
    """The checkout that a folder is in, or None.

    Raises:
        InputError: git refuses it.
    """
    try:
        top = _run(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")
    except FileNotFoundError:
        return None
    except InputError as error:
        if "not a git repository" in error.message or "must be run in a work tree" in error.message:
            return None
        raise
    return Repository(Path(os.fsdecode(top)))


_SAFE: Final = ("-c", "core.fsmonitor=false", "-c", "core.quotepath=false")


def _environment() -> dict[str, str]:
    """As the caller's: in a hook git names by GIT_INDEX_FILE the index that the commit is made from."""
    return {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _run(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    done = subprocess.run(
        ["git", *_SAFE, *arguments],
        cwd=folder,
        env=_environment(),
        input=given,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason"]
        raise InputError(f"git cannot tell what it has: {said[0]}", hint=said[-1] if len(said) > 1 else None)
    return done.stdout


def _fields(output: bytes) -> list[bytes]:
    return [field for field in output.split(b"\0") if field]


def _next(stream: IO[bytes]) -> bytes | None:
    """One answer of ``cat-file --batch``; None where it is missing, no file, or too large, which is read past."""
    header = stream.readline().split()
    if len(header) != 3:
        return None
    size = int(header[2])
    content = stream.read(size) if size <= MAXIMUM_BYTES else None
    left = 1 if content is not None else size + 1
    while left > 0:
        left -= len(stream.read(min(left, _CHUNK))) or left
    return content if header[1] == b"blob" else None
