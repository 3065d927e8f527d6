"""Delimited text (CSV) as cells that know their place: what spreadsheets of vendors are saved as.

RFC 4180, with what is met beside it: semicolons (Excel where the comma is the decimal sign) and tabs, a line ``sep=;``,
a byte order mark, UTF-16 ("Unicode text" of Excel) and Windows-1252. The module csv of Python tells no columns.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from orthancgen.site.problems import Mark, Problem

LARGEST_BYTES: Final = 4 * 1024 * 1024
_MOST_TOLD: Final = 20
DELIMITERS: Final = (",", ";", "\t")
_SEP: Final = re.compile(r"sep=([,;\t])(?:\r\n?|\n|$)", re.IGNORECASE)
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_QUOTED: Final = re.compile(r' *+"((?:[^"]|"")*+)"')
_OPENED: Final = re.compile(r' *+"')
_LINE_END: Final = re.compile(r"\r\n?|\n")
_AFTER: Final = {one: re.compile(rf"[^{one}\r\n]*+") for one in DELIMITERS}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with its place, without quotes."""

    text: str
    mark: Mark


Row = tuple[Cell, ...]


def decoded(content: bytes, file: str) -> tuple[str | None, list[Problem]]:
    """The text of a file of bytes, without a byte order mark.

    Returns:
        The text, or None where it cannot be read; and what is to be said of it.
    """
    start = Mark(file, 1, 1, 2)
    if len(content) > LARGEST_BYTES:
        return None, [Problem(f"the file is larger than {LARGEST_BYTES // 2**20} MiB", start)]
    if content[:4] == b"PK\x03\x04" or content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return None, [
            Problem("this is a workbook of a spreadsheet program, not CSV", start, hint="save it as CSV UTF-8")
        ]
    found: list[Problem] = []
    try:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = content.decode("utf-16")
        else:
            text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        found.append(
            Problem(
                "the file is no UTF-8: read as Windows-1252", Mark(file, line, column, column + 1),
                hint="see that accents are right; saved as CSV UTF-8 there is no doubt", severity="warning",
            )
        )  # fmt: skip
        text = content.decode("cp1252", errors="replace")
    controls = list(islice(_CONTROL.finditer(text), _MOST_TOLD))
    for control in controls:
        line, column = _place(text, control.start())
        mark = Mark(file, line, column, column + 1)
        said = f"U+{ord(control[0]):04X} is no character of a text file"
        found.append(Problem(said, mark, hint="save it as CSV UTF-8 once more"))
    if controls:
        return None, found
    return text, found


def delimiter_of(text: str) -> tuple[str, int]:
    """What separates the cells, and where the first row begins: as ``sep=`` says, or what line 1 has most of."""
    said = _SEP.match(text)
    if said is not None:
        return said[1], said.end()
    first = next((line for line in text[:65536].splitlines() if line.strip(" \t,;")), "")
    bare = _QUOTED.sub("", first or text[:65536])
    return max(DELIMITERS, key=bare.count), 0


def rows(text: str, file: str, delimiter: str, start: int = 0) -> Iterator[Row | Problem]:
    """The rows with something in them, in order; a problem where quotes are wrong.

    Args:
        text: as `decoded` gives it.
        file: its name, for the places.
        delimiter: between cells, of `DELIMITERS`.
        start: where the first row begins.
    """
    at, line, line_start = start, text.count("\n", 0, start) + 1, start
    row: list[Cell] = []
    while at <= len(text):
        begin, begin_line, begin_column = at, line, at - line_start + 1
        quoted = _QUOTED.match(text, at)
        if quoted is not None:
            value, at = quoted[1].replace('""', '"'), quoted.end()
            for inner in _LINE_END.finditer(text, begin, at):
                line, line_start = line + 1, inner.end()
        elif _OPENED.match(text, at):
            yield Problem(
                "the quote is not closed", Mark(file, line, begin_column, begin_column + 1),
                hint='a quote within quotes is written ""',
            )  # fmt: skip
            return
        else:
            value = ""
        rest = _AFTER[delimiter].match(text, at)
        behind = rest[0] if rest else ""
        at += len(behind)
        end = at - line_start + 1 if line == begin_line else begin_column + 1
        mark = Mark(file, begin_line, begin_column, max(end, begin_column + 1))
        if quoted is not None and behind.strip():
            yield Problem("characters behind a closing quote", mark, hint='a quote within quotes is written ""')
        row.append(Cell(value if quoted is not None else behind, mark))
        if text[at : at + 1] == delimiter:
            at += 1
            continue
        if any(cell.text.strip() for cell in row):
            yield tuple(row)
        row = []
        ended = _LINE_END.match(text, at)
        if ended is None:
            return
        at, line, line_start = ended.end(), line + 1, ended.end()


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    found = list(_LINE_END.finditer(before))
    return len(found) + 1, offset - (found[-1].end() if found else 0) + 1
