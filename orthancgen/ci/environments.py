"""Which environments a folder has, and which of them look the same wherever they are rendered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from orthancgen.errors import InputError
from orthancgen.site.problems import printable

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)


def environments_in(folder: Path) -> list[str]:
    """Names of the files in a folder that are environments, not only a base of others or a lock of images."""
    if not folder.is_dir():
        return []
    return sorted(
        path.stem for path in folder.glob("*.yaml") if path.stem != "base" and not path.stem.endswith(".lock")
    )


def plain_names(names: list[str]) -> list[str]:
    """The names, where each can stand in a workflow, a folder's name and a command without any quoting.

    Raises:
        InputError: names have other characters; all of them are named.
    """
    others = [name for name in names if not _NAME.fullmatch(name)]
    if others:
        raise InputError(
            f"no name for CI: {', '.join(printable(name) for name in others[:20])}",
            hint="rename the files in environments/: letters, digits, - and _, and no - or _ in front",
        )
    return names
