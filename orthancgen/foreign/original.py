"""From an offset in a text to line and column of the file that it comes from."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable

from orthancgen.site.problems import Mark

BYTE_ORDER_MARK = "\ufeff"
_LINE_END = re.compile(r"\r\n?|\n")


class Original:
    """Lines and columns of a file.

    Args:
        text: the file as it is.
        file: its name.
        origin: start and end in ``text`` of a span in what is read instead of it, where variables were put in.
    """

    def __init__(self, text: str, file: str, origin: Callable[[int, int], tuple[int, int]] | None = None) -> None:
        self.file = file
        self._origin = origin
        first = 1 if text.startswith(BYTE_ORDER_MARK) else 0
        self._starts = array("Q", [first])
        self._starts.extend(found.end() for found in _LINE_END.finditer(text))

    def mark(self, start: int, end: int | None = None) -> Mark:
        """The place of a span, of one character where no end is given; only its first character if it has lines."""
        end = start + 1 if end is None else end
        if self._origin is not None:
            start, end = self._origin(start, end)
        line = max(bisect_right(self._starts, start), 1)
        begin = self._starts[line - 1]
        column = max(start - begin, 0) + 1
        same_line = line == len(self._starts) or end < self._starts[line]
        return Mark(self.file, line, column, max(end - begin + 1, column + 1) if same_line else column + 1)
