"""The two ways to begin a scan: on a repository, and on paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from orthancgen.errors import InputError
from orthancgen.secrets.scan.content import named
from orthancgen.secrets.scan.known import KnownValues
from orthancgen.secrets.scan.repository import Repository, repository_of
from orthancgen.secrets.scan.run import Scan, scan

_COMMITS: Final = 100
"""Of how many findings the commit is looked up: each takes git a walk through the history."""


def scan_repository(which: str, known: KnownValues, exclude: Sequence[str] = (), since: str | None = None) -> Scan:
    """Scan the checkout that the working folder is in: what is ``staged`` or ``tracked``, or its ``history``.

    Args:
        which: of these three.
        known: values that are looked for.
        exclude: patterns of names that are left out.
        since: a revision; what commits after it brought is scanned instead.

    Raises:
        InputError: the working folder is in no checkout, git cannot read it, or there is no such revision.
    """
    repository = repository_of(Path.cwd())
    if repository is None:
        raise InputError("this folder is in no checkout of git", hint="name the files and folders to be scanned")
    sources = {"staged": repository.staged, "tracked": repository.tracked, "history": repository.history}
    return scan(
        repository.since(since) if since is not None else sources[which](),
        known,
        tracked=repository.names(),
        exclude=exclude,
        commit_of=_Commits(repository) if since is not None or which == "history" else lambda _: None,
    )


def scan_paths(paths: Sequence[Path], known: KnownValues, exclude: Sequence[str] = ()) -> Scan:
    """Scan files and folders as they are on disk.

    Raises:
        InputError: paths are missing.
    """
    repository = repository_of(Path.cwd())
    tracked = repository.names() if repository else frozenset()
    return scan(named(paths, repository), known, tracked=tracked, exclude=exclude)


class _Commits:
    """Tells the commits of contents, of the first ones that are asked for."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._left = _COMMITS

    def __call__(self, blob: str) -> str | None:
        self._left -= 1
        return self._repository.first_commit(blob) if self._left >= 0 else None
