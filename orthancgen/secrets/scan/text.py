"""The text of a file whatever its bytes, places in it, and the comments that allow a secret."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from functools import cached_property
from pathlib import PurePosixPath
from typing import Final, Literal

Kind = Literal["configuration", "code", "prose"]

_CODE: Final = frozenset(
    {
        *(
            ".py",
            ".pyi",
            ".ipynb",
            ".js",
            ".mjs",
            ".cjs",
            ".jsx",
            ".ts",
            ".mts",
            ".tsx",
            ".vue",
            ".lua",
            ".go",
            ".java",
        ),
        *(
            ".kt",
            ".scala",
            ".c",
            ".h",
            ".cc",
            ".cpp",
            ".hpp",
            ".cs",
            ".rb",
            ".php",
            ".rs",
            ".swift",
            ".pl",
            ".pm",
            ".r",
        ),
        *(".j2", ".jinja", ".css", ".scss"),
    }
)
_PROSE: Final = frozenset(
    {".md", ".rst", ".txt", ".adoc", ".html", ".htm", ".svg", ".csv", ".tex", ".log", ".po", ".diff", ".patch"}
)
_ALLOW: Final = re.compile(r"orthancgen:[ \t]*allow-secret\b[ \t:]*([^\r\n]*)")
_REASON: Final = re.compile(r"\w")
_SNIFFED: Final = 8000  # as git looks for a NUL: buffer_is_binary() in xdiff-interface.c


def kind_of(name: str) -> Kind:
    """How a file is read: as configuration (values without quotes count), as code, or as prose."""
    suffix = PurePosixPath(name).suffix.lower()
    return "code" if suffix in _CODE else "prose" if suffix in _PROSE else "configuration"


def decode(content: bytes) -> str | None:
    """The text of a file, UTF-8, or UTF-16 behind a mark, with other bytes replaced; None where it is binary."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return content.decode(name, errors="replace")
    if b"\0" in content[:_SNIFFED]:
        return None
    return content.decode("utf-8", errors="replace")


class Lines:
    """Places in a text, and what comments allow."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    @cached_property
    def _allowed(self) -> frozenset[int]:
        """Lines with a comment that allows a secret and says why, and the lines below them."""
        found = (mark for mark in _ALLOW.finditer(self.text) if _REASON.search(mark[1]))
        lines = [self.place(mark.start())[0] for mark in found]
        return frozenset(lines) | frozenset(line + 1 for line in lines)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def allows(self, line: int) -> bool:
        """Whether a comment on the line, or on the one above it, allows a secret there."""
        return line in self._allowed
