"""Which parts of lines may be secrets: what follows such a name, whatever the language is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orthancgen.foreign.secret_names import find_secret_name, value_may_show

Span = tuple[int, int]
"""Where something begins in a text, and where it ends."""

_AFTER_NAME = re.compile(r"[\w.\-]*+(?:[\\\"'\])]++[ \t]*+(?:=>|[:=,])?|[ \t]*+(?:=>|[:=,])|[ \t]++)[ \t]*+")
"""The rest of a name, and what stands between it and its value: quotes, a separator, or blanks."""
_LONG_OPEN = re.compile(r"\[(=*)\[")


def inline_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """In each line of a span of a text that is `lowered`, what follows the first secret name."""
    at = start
    while at < end:
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        found = find_secret_name(text, at, stop)
        if found is not None:
            behind = _AFTER_NAME.match(text, found.end(), stop)
            if behind is not None:
                value = behind.end()
                if not value_may_show(text[at:value].rstrip(" \t:=\"'"), text[value:stop]):
                    yield value, stop
        at = stop + 1


def line_spans(text: str, low: str) -> Iterator[Span]:
    """As `inline_spans`; where nothing follows the name on its line, the lines that belong to it."""
    at = 0
    block: int | None = None
    close = ""
    while at <= len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        line = text[at : min(stop, at + 400)]
        indent = len(line) - len(line.lstrip())
        if close:
            yield at, stop
            close = "" if close in text[at:stop] else close
        elif block is not None and line.strip() and indent > block:
            yield at + indent, stop
        else:
            block = block if block is not None and not line.strip() else None
            spans = list(inline_spans(low, at, stop))
            yield from spans
            rest = text[spans[0][0] : stop].strip() if spans else ""
            found = find_secret_name(low, at, stop)
            if found is not None and (not rest or rest[:1] in "|>{[("):
                block = indent
            opened = _LONG_OPEN.search(text, spans[0][0], stop) if spans else None
            if opened is not None and f"]{opened[1]}]" not in text[opened.end() : stop]:
                close = f"]{opened[1]}]"
        at = stop + 1
