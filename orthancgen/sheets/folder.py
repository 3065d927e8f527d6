"""A folder of sheets: each file whole or not at all; those that an earlier run wrote and this one lacks are removed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from orthancgen.render.write import cannot_write, place

LIST: Final = "sheets.json"
"""The file that names what a run wrote: a sheet of a modality that is gone must not be read any more."""


def write_folder(folder: Path, files: Sequence[tuple[str, bytes]], extensions: frozenset[str]) -> tuple[str, ...]:
    """Make a folder hold the files.

    Args:
        folder: it is made where it is missing.
        files: name and content of each.
        extensions: of the formats that are written, without the dot; files of others stay.

    Returns:
        The names of earlier sheets that were removed.

    Raises:
        RenderError: the folder cannot be written; what was there still is.
    """
    names = {name for name, _ in files}
    earlier = _earlier(folder)
    stale = tuple(name for name in earlier if name not in names and name.rpartition(".")[2] in extensions)
    stays = [name for name in earlier if name not in names and name not in stale]
    listed = json.dumps({"files": sorted({*names, *stays})}, indent=2) + "\n"
    place(
        [*((folder / name, content, 0o644) for name, content in files), (folder / LIST, listed.encode("ascii"), 0o644)],
        folder,
    )
    try:
        for name in stale:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None
    return stale


def _earlier(folder: Path) -> tuple[str, ...]:
    """What an earlier run wrote, as plain file names; nothing where its list cannot be read."""
    try:
        files = json.loads((folder / LIST).read_bytes())["files"]
        return tuple(name for name in files if isinstance(name, str) and name == Path(name).name and name not in "..")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ()
