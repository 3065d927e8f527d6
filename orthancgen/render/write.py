"""Put a bundle on disk: only what changed, each file whole or not at all; or compare it with what is there."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from errno import EISDIR
from pathlib import Path
from typing import Literal

from orthancgen.errors import RenderError
from orthancgen.render.artifact import Bundle, File
from orthancgen.render.catalogue import MANIFEST

State = Literal["create", "change", "identical", "remove"]


@dataclass(frozen=True, slots=True)
class Change:
    """What writing the bundle does to one file."""

    path: str
    state: State


def compare(bundle: Bundle, folder: Path) -> tuple[Change, ...]:
    """What differs between a bundle and a folder. Files that an earlier bundle wrote and this one lacks are to remove.

    Raises:
        RenderError: the folder cannot be read.
    """
    try:
        wanted = tuple(Change(file.path, _state(file, folder / file.path)) for file in bundle.files)
        stale = tuple(Change(path, "remove") for path in _earlier(folder) if (folder / path).is_file())
    except OSError as error:
        raise RenderError(f"cannot read {folder}: {error.strerror}") from None
    names = {change.path for change in wanted}
    return (*wanted, *(change for change in stale if change.path not in names))


def write(bundle: Bundle, folder: Path) -> tuple[Change, ...]:
    """Make the folder hold the bundle; nothing is replaced before everything lies beside it, complete.

    Raises:
        RenderError: the folder cannot be written; what was there still is.
    """
    changes = compare(bundle, folder)
    new = [bundle.file(change.path) for change in changes if change.state in {"create", "change"}]
    # The manifest is the last file of a bundle: it never names a file that is not there yet.
    place([(folder / file.path, file.content, file.mode) for file in new], folder)
    try:
        for change in changes:
            if change.state == "remove":
                (folder / change.path).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None
    return changes


def place(files: Sequence[tuple[Path, bytes, int]], folder: Path) -> None:
    """Write files (place, content, mode), in their order; none is replaced before all lie beside, complete.

    Raises:
        RenderError: one cannot be written; what was there still is.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for target, content, mode in files:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(target))
            staged.append((stage(content, target, mode), target))
        for temporary, target in staged:
            temporary.replace(target)
    except OSError as error:
        raise cannot_write(folder, error) from None
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def cannot_write(folder: Path, error: OSError) -> RenderError:
    """The error for a folder that the file system refuses."""
    return RenderError(
        f"cannot write {error.filename or folder}: {error.strerror}", hint="name a folder that you may write, with -o"
    )


def stage(content: bytes, target: Path, mode: int) -> Path:
    """A complete, synchronised copy beside the target, to be renamed onto it. Its mode is right from the first byte.

    Raises:
        OSError: as the file system says.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _state(file: File, target: Path) -> State:
    try:
        same = target.read_bytes() == file.content and target.stat().st_mode & 0o777 == file.mode
    except (FileNotFoundError, NotADirectoryError):
        return "create"
    return "identical" if same else "change"


def _earlier(folder: Path) -> tuple[str, ...]:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return tuple(
            path
            for path in files
            if isinstance(path, str) and ".." not in Path(path).parts and not path.startswith("/")
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return ()
