"""A file to be looked at, wherever it comes from; and files named by path."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orthancgen.errors import InputError
from orthancgen.site.problems import printable

if TYPE_CHECKING:
    from orthancgen.secrets.scan.repository import Repository

MAXIMUM_BYTES: Final = 16 * 1024 * 1024
"""Larger files are not read, which is told: nobody writes so much by hand."""
_NOT_ENTERED: Final = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Content:
    """One file.

    Attributes:
        name: relative to the repository's top where it has one, with slashes: what the rules on names look at.
        shown: as it is told.
        content: None where it is too large or cannot be read.
        blob: its name in git, or "".
        tracked: whether git tracks it, or is about to.
        allowed: whether .gitattributes says that secrets in it are none.
    """

    name: str
    shown: str
    content: bytes | None = field(repr=False)
    blob: str = ""
    tracked: bool = False
    allowed: bool = False


def named(paths: Sequence[Path], repository: Repository | None) -> Iterator[Content]:
    """Files and folders that somebody names; in a folder, no links, and nothing that git ignores.

    Args:
        paths: they need not be in the repository.
        repository: that of the working folder, or None.

    Raises:
        InputError: paths are missing or neither files nor folders; all of them are named.
    """
    wrong = [path for path in paths if not _is_there(path)]
    if wrong:
        raise InputError(
            "no file or folder: " + ", ".join(printable(str(path), 4096) for path in wrong[:20]),
            hint="name files and folders, or none for what is staged",
        )
    return _each(paths, repository, repository.names() if repository else frozenset())


def _each(paths: Sequence[Path], repository: Repository | None, tracked: AbstractSet[str]) -> Iterator[Content]:
    for path in paths:
        inside = repository if repository and repository.name_of(path) is not None else None
        files = list(_below(path, inside)) if path.is_dir() else [path]
        names = [inside.name_of(file) if inside else None for file in files]
        allowed = inside.allowed([name for name in names if name]) if inside else frozenset()
        for file, name in zip(files, names, strict=True):
            content = _read(file)
            yield Content(name or file.as_posix(), str(file), content, tracked=name in tracked, allowed=name in allowed)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file() or path.is_dir()
    except (OSError, ValueError):
        return False


def _below(folder: Path, repository: Repository | None) -> Iterator[Path]:
    if repository is not None:
        files = (path for path in repository.not_ignored(folder) if _is_plain(path))
        yield from files if folder.is_absolute() else (Path(os.path.relpath(path)) for path in files)
        return
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _NOT_ENTERED)
        yield from (path for path in (Path(parent, name) for name in sorted(names)) if _is_plain(path))


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
    except OSError:
        return None
    return content if len(content) <= MAXIMUM_BYTES else None
