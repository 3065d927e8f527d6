"""A page as GitHub Flavored Markdown (https://github.github.com/gfm/), for a wiki or a ticket; readable as it stands.

Each command is a fenced block of its language, and nothing else is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orthancgen.sheets.catalogue import Inline
from orthancgen.sheets.document import (
    Block,
    Code,
    Document,
    Entries,
    Links,
    Path,
    Points,
    References,
    Text,
    Ticks,
)
from orthancgen.sheets.html import address_of

_ACTIVE: Final = re.compile(r"([\\`*_{}\[\]<>|~&$@#!]|(?<=www)\.|:(?=//))")
"""Characters that mean something within a line, and those by which links are found."""
_START: Final = re.compile(r"^(\s*\d*)([-+=.)])(?=\s|$|[-=])")
"""What begins a list, a rule or a heading at the start of a line."""
_TICKS: Final = re.compile(r"`+")
_MARKS: Final = {"good": "✓ ", "bad": "✗ ", "notice": "**!** ", "plain": "", "quiet": ""}


def write(page: Document) -> bytes:
    """The page. No value is refused: a control character becomes a space."""
    lines = [f"# {inside(page.title)}", "", f"**{inside(page.site)}**"]
    for sentence in page.lead:
        lines += ["", said(sentence)]
    lines.append("")
    lines += [f"- {escaped(label)} — {inside(value)}" for label, value in page.stamp]
    for section in page.sections:
        lines += ["", f"## {inside(section.heading)}"]
        for block in section.blocks:
            lines += _block(block)
    return ("\n".join(lines) + "\n").encode("utf-8")


def inside(text: str) -> str:
    """A text in which nothing has a meaning, for the inside of a line."""
    return _ACTIVE.sub(r"\\\1", _one_line(text))


def escaped(text: str) -> str:
    """The same for the start of a line or of an item."""
    return _START.sub(r"\1\\\2", inside(text))


def code(text: str) -> str:
    """A text as code within a line."""
    body = _one_line(text)
    ticks = "`" * (max((len(run) for run in _TICKS.findall(body)), default=0) + 1)
    edge = " " if not body.strip() or len(ticks) > 1 or body != body.strip() else ""
    return f"{ticks}{edge}{body}{edge}{ticks}"


def said(pieces: Inline) -> str:
    """A sentence, its code as code."""
    first, *others = [code(piece.text) if piece.code else inside(piece.text) for piece in pieces] or [""]
    return "".join((_START.sub(r"\1\\\2", first), *others))


def fenced(text: str, language: str) -> tuple[str, ...]:
    """Lines of a fenced block, whose fence is longer than any run of backticks within."""
    fence = "`" * max(3, max((len(run) + 1 for run in _TICKS.findall(text)), default=0))
    return (f"{fence}{language}", *text.split("\n"), fence)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Entries():
            yield from _entries(block)
        case Text(tone="heading"):
            yield from ("", f"### {said(block.text)}")
        case Text():
            yield from ("", f"{_MARKS[block.tone]}{said(block.text)}{_ref(block.source)}")
        case Path():
            steps = " › ".join(escaped(step) for step in block.steps)
            yield from ("", f"**{inside(block.product)}**{_ref(block.source)}  ", steps)
            for remark in block.remarks:
                yield from ("", said(remark))
        case Code():
            yield from _code(block)
        case Points():
            yield ""
            yield from (f"- {said(item)}{_ref(number)}" for item, number in block.items)
        case Ticks():
            yield ""
            yield from (f"- [ ] {said(item)}" for item in block.items)
            yield from ("", "  ".join(f"{escaped(blank)} \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_" for blank in block.blanks))
        case Links():
            yield from _links(block)
        case References():
            yield ""
            for one in block.items:
                yield f"{one.number}. {inside(one.title)}: <{one.url}> ({inside(one.read)})"


def _entries(block: Entries) -> Iterator[str]:
    yield ""
    for one in block.entries:
        parts = [code(one.value)] if one.value is not None else []
        parts += [said(sentence) for sentence in (one.words, one.note) if sentence]
        yield f"- **{said(one.label)}** — {' — '.join(parts)}{_ref(one.source)}"


def _code(block: Code) -> Iterator[str]:
    if block.purpose:
        yield from ("", f"### {said(block.purpose)}{_ref(block.source)}")
    yield from ("", *fenced(block.text, block.language))
    if block.replace:
        yield ""
        yield from (f"- {code(name)} — {said(what)}" for name, what in block.replace)
    for remark in block.remarks:
        yield from ("", said(remark))


def _links(block: Links) -> Iterator[str]:
    width = 1 + max((len(row.cells) for row in block.rows), default=0)
    head = block.head or ("",) * width
    yield from ("", f"| {' | '.join(inside(one) for one in head)} |", f"|{'---|' * len(head)}")
    for row in block.rows:
        title = inside(row.title)
        first = title if row.file is None else f"[{title}]({address_of(row.file)})"
        yield f"| {' | '.join((first, *(inside(cell) for cell in row.cells)))} |"


def _ref(number: int | None) -> str:
    return f" \\[{number}\\]" if number else ""


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() or one in "\u00a0\u202f" else " " for one in text)
