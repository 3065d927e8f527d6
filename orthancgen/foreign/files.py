"""Other people's files: read within bounds, whatever their bytes are."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orthancgen.site.load import display_name
from orthancgen.site.problems import Mark, Problem, printable

MAXIMUM_BYTES: Final = 16 * 1024 * 1024
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file that was read.

    Attributes:
        file: its name for people.
        text: what is in it, as far as it could be read; a byte order mark of UTF-8 is kept.
        readable: whether it is a text at all.
    """

    file: str
    text: str = field(repr=False, default="")
    readable: bool = True
    problems: tuple[Problem, ...] = ()


def read_text(path: Path) -> TextFile:
    """Read a text file; what is wrong is told, and nothing is raised."""
    name = display_name(path)
    place = Mark(name, 1, 1, 1)
    try:
        if not path.is_file():
            what = "not a file" if path.exists() else "there is no such file"
            return _unreadable(name, f"cannot read {printable(name)}: {what}")
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        return _unreadable(name, f"cannot read {printable(name)}: {reason}")
    if len(content) > MAXIMUM_BYTES:
        return _unreadable(name, f"{printable(name)} is larger than {MAXIMUM_BYTES // 2**20} MiB")
    return decode(content, name, place)


def decode(content: bytes, name: str, place: Mark | None = None) -> TextFile:
    """The text of a file's bytes: UTF-8, or UTF-16 with a byte order mark."""
    place = place or Mark(name, 1, 1, 1)
    if content.startswith(_UTF_16):
        text = content.decode("utf-16", "replace")
        problem = Problem("the file is UTF-16: Orthanc does not read it", place, hint="save it as UTF-8")
        return TextFile(name, text, problems=(problem,))
    try:
        return TextFile(name, content.decode("utf-8"))
    except UnicodeDecodeError as error:
        if b"\0" in content:
            return _unreadable(name, f"{printable(name)} is no text")
        line = content.count(b"\n", 0, error.start) + 1
        start = content.rfind(b"\n", 0, error.start) + 1
        column = len(content[start : error.start].decode("utf-8", "replace")) + 1
        problem = Problem(
            f"byte {error.start + 1} of the file is not UTF-8",
            Mark(name, line, column, column + 1),
            hint="save the file as UTF-8",
            severity="warning",
        )
        return TextFile(name, content.decode("utf-8", "replace"), problems=(problem,))


def _unreadable(name: str, message: str) -> TextFile:
    return TextFile(name, readable=False, problems=(Problem(message, Mark(name, 1, 1, 1)),))
