"""Where a span of a text stands, as line and columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from orthancgen.site.problems import Mark

LINE_BREAK: Final = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""Ends of lines as the excerpts of `orthancgen.site.problems` count them."""


class Places:
    """The places of one text. Its lines are found once."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._length = len(text)
        self._starts = [0]
        self._ends: list[int] = []
        for found in LINE_BREAK.finditer(text):
            self._ends.append(found.start())
            self._starts.append(found.end())
        self._ends.append(len(text))

    def mark(self, start: int, end: int) -> Mark:
        """The span from one index to another; what goes on over several lines ends with its first line."""
        start = max(0, min(start, self._length))
        row = bisect_right(self._starts, start) - 1
        first = self._starts[row]
        stop = max(start, min(end, self._ends[row]))
        return Mark(self.file, row + 1, start - first + 1, max(stop, start + 1) - first + 1)

    def line(self, number: int) -> Mark:
        """A whole line; the last one where there are not so many."""
        row = max(0, min(number, len(self._starts)) - 1)
        return Mark(self.file, row + 1, 1, max(self._ends[row] - self._starts[row], 1) + 1)
