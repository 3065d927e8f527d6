"""Look at files one after the other, and tell what is in them."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import islice

from orthancgen.secrets.scan.assignments import assignments
from orthancgen.secrets.scan.content import Content
from orthancgen.secrets.scan.known import KnownValues
from orthancgen.secrets.scan.leak import LEAK_RULES, PRIVATE_FILE, PRIVATE_KEY, Leak, Span
from orthancgen.secrets.scan.private_files import private_file
from orthancgen.secrets.scan.shapes import shapes
from orthancgen.secrets.scan.text import Lines, decode, kind_of
from orthancgen.secrets.scan.vendors import vendor_tokens

_RANK = {rule.id: rank for rank, rule in enumerate(LEAK_RULES)}
_MOST = 1000
"""Of one file no more hits of one sort are told."""
_HEAD = range(1, 6)
"""Lines in which a comment may allow a file as a whole."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found, and what was looked at.

    Attributes:
        allowed: how many places a comment, or an attribute of the file, allows.
        unread: files that were too large, or could not be read.
    """

    leaks: tuple[Leak, ...]
    files: int
    size: int
    allowed: int
    unread: tuple[str, ...]


def scan(
    contents: Iterable[Content],
    known: KnownValues,
    *,
    tracked: AbstractSet[str] = frozenset(),
    exclude: Sequence[str] = (),
    commit_of: Callable[[str], str | None] = lambda _: None,
) -> Scan:
    """Scan files.

    Args:
        contents: the files; each is forgotten before the next one is asked for.
        known: values that are looked for.
        tracked: names of all tracked files.
        exclude: patterns (`fnmatch`) of names that are left out.
        commit_of: tells a commit that has a content, by its name in git.
    """
    files = size = allowed = 0
    unread: list[str] = []
    found: dict[tuple[str, str, bytes], tuple[Leak, str]] = {}
    for one in contents:
        if any(fnmatch.fnmatchcase(one.name, pattern) for pattern in exclude):
            continue
        files += 1
        if one.content is None:
            unread.append(one.shown)
            continue
        size += len(one.content)
        for leak, secret, permitted in _leaks(one, one.content, known, tracked):
            if permitted:
                allowed += 1
                continue
            # In a history one value stands in many versions of a file: it is told once.
            key = (leak.rule.id, leak.file, secret if one.blob else b"%d:%d" % (leak.line, leak.column))
            first, blob = found.setdefault(key, (leak, one.blob))
            if first is not leak:
                found[key] = (replace(first, also=first.also + 1), blob)
    leaks = [replace(leak, commit=commit_of(blob) if blob else None) for leak, blob in found.values()]
    leaks.sort(key=lambda leak: (leak.file, leak.line, leak.column, _RANK[leak.rule.id]))
    return Scan(tuple(leaks), files, size, allowed, tuple(unread))


def _leaks(
    one: Content, content: bytes, known: KnownValues, tracked: AbstractSet[str]
) -> Iterator[tuple[Leak, bytes, bool]]:
    """Each leak of a file, the digest of its value, and whether it is allowed."""
    text = decode(content)
    why = private_file(one.name, text, tracked) if one.tracked else None
    if text is None:
        if why:
            yield Leak(PRIVATE_FILE, one.shown, 1, 1, 1, why), b"", one.allowed
        for span in known.find_in_bytes(content):
            what = f"{span.what}, at byte {span.start + 1} of a binary file"
            yield Leak(span.rule, one.shown, 1, 1, 1, what), _digest(span.what), False
        return
    lines = Lines(text)
    spans = apart(text, one.name, known)
    if why and not any(span.rule is PRIVATE_KEY for span in spans):
        permitted = one.allowed or any(lines.allows(line) for line in _HEAD)
        yield Leak(PRIVATE_FILE, one.shown, 1, 1, 1, why), b"", permitted
    for span in spans:
        line, column = lines.place(span.start)
        leak = Leak(span.rule, one.shown, line, column, column + max(1, span.end - span.start), span.what)
        yield leak, _digest(text[span.start : span.end]), span.rule.allowed and (one.allowed or lines.allows(line))


def apart(text: str, name: str, known: KnownValues) -> list[Span]:
    """Every hit in a text in its order; of those that overlap, the one whose rule comes first."""
    kind = kind_of(name)
    finders = (known.find(text), shapes(text, kind), vendor_tokens(text), assignments(text, kind))
    spans = [span for finder in finders for span in islice(finder, _MOST)]
    spans.sort(key=lambda span: (span.start, _RANK[span.rule.id]))
    result: list[Span] = []
    for span in spans:
        if result and span.start < result[-1].end:
            if _RANK[span.rule.id] < _RANK[result[-1].rule.id]:
                result[-1] = span
            continue
        result.append(span)
    return result


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
