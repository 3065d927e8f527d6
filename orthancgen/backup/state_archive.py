"""The state folder as one archive: secrets, certificates, releases and history of an environment."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from orthancgen.errors import BackupError
from orthancgen.runtimes.state import State, cannot_use

LEFT_OUT: Final = frozenset({"lock.json", "journal.json", "run", "data", "log", "backup"})
"""What belongs to a moment, or is saved otherwise: locks, what was being changed, folders of the containers."""


def pack(state: State) -> bytes:
    """The archive: files and folders with their modes, no owners and no links.

    Raises:
        DeployError: a file cannot be read.
    """
    target = io.BytesIO()
    try:
        with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for path in _files(state.root):
                content = path.read_bytes() if path.is_file() else b""
                entry = tarfile.TarInfo(path.relative_to(state.root).as_posix())
                found = path.stat()
                entry.mode, entry.mtime, entry.size = stat.S_IMODE(found.st_mode), int(found.st_mtime), len(content)
                entry.type = tarfile.DIRTYPE if path.is_dir() else tarfile.REGTYPE
                archive.addfile(entry, io.BytesIO(content))
    except OSError as error:
        raise cannot_use(state, error) from None
    return target.getvalue()


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        if Path(folder) == root:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            files = [name for name in files if name not in LEFT_OUT]
        folders.sort()
        yield from (path for name in sorted([*folders, *files]) if not (path := Path(folder) / name).is_symlink())


def is_empty(state: State, but: Collection[str]) -> bool:
    """Whether the state folder knows of no environment: no release, and no secret beside those of `but`."""
    secrets = {path.name for path in state.secrets.glob("*")} if state.secrets.is_dir() else set()
    return not (state.root / "current.json").exists() and not (state.root / "releases").exists() and secrets <= set(but)


def unpack(content: bytes, state: State) -> int:
    """Put the archive into the state folder; files that are there stay. How many files were written.

    Raises:
        BackupError: it is no such archive.
        DeployError: the folder cannot be written.
    """
    count = 0
    try:
        state.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for entry in archive:
                path = PurePosixPath(entry.name)
                if path.is_absolute() or ".." in path.parts or not (entry.isreg() or entry.isdir()):
                    raise BackupError(f"the archive of the state folder holds something odd: {entry.name!r}")
                if not (state.root / path).exists():
                    _put(archive, entry, state.root / path)
                    count += entry.isreg()
    except tarfile.TarError:
        raise BackupError("the archive of the state folder is damaged") from None
    except OSError as error:
        raise cannot_use(state, error) from None
    return count


def _put(archive: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    mode = entry.mode & 0o777
    if entry.isdir():
        path.mkdir(mode=mode, exist_ok=True)
        return
    source = archive.extractfile(entry)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as target:
        target.write(source.read() if source else b"")
    os.utime(path, (entry.mtime, entry.mtime))
