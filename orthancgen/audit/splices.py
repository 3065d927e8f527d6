"""A value of a JSON file with comments, set or removed in the text itself: comments and layout stay as they are."""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.audit.rule import REMOVE, SetValue
from orthancgen.foreign.jsonc import parse
from orthancgen.foreign.model import Document
from orthancgen.site.problems import KeyPath, Mark, format_path
from orthancgen.site.tree import Node

_LINE_END: Final = re.compile(r"\r\n?|\n")  # as foreign.places counts
_BLANKS: Final = re.compile(r"(?:[ \t\r\n]++|//[^\r\n]*+|/\*(?s:.*?)\*/)*+")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\(?s:.))*+"')
_STRUCTURE: Final = re.compile(r'"(?:[^"\\]|\\(?s:.))*+"|//[^\r\n]*+|/\*(?s:.*?)\*/|[{}\[\]]')
_SCALAR: Final = re.compile(r"[^ \t\r\n,\]}/]++")
_INDENT: Final = re.compile(r"[ \t]*+")


class CannotEditError(Exception):
    """A text in which the value cannot be set; the message says why."""


@dataclass(frozen=True, slots=True)
class Splice:
    """Characters from `start` up to `end` that become `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """A splice by lines and columns, from 1: `end` is behind the last character."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def spliced(text: str, splices: Sequence[Splice]) -> str:
    """The text with the splices, which lie apart and in order."""
    pieces, at = [], 0
    for one in splices:
        pieces += [text[at : one.start], one.text]
        at = one.end
    return "".join((*pieces, text[at:]))


def replacements(text: str, splices: Sequence[Splice]) -> tuple[Replacement, ...]:
    """The splices by lines and columns."""
    starts = _line_starts(text)

    def place(offset: int) -> tuple[int, int]:
        line = max(bisect_right(starts, offset), 1)
        return line, max(offset - starts[line - 1], 0) + 1

    return tuple(Replacement(place(one.start), place(one.end), one.text) for one in splices)


def splices(text: str, fix: SetValue) -> tuple[Splice, ...]:
    """As `edited`, of a text."""
    return edited(parse(text, fix.file), fix)[0]


def edited(document: Document, fix: SetValue) -> tuple[tuple[Splice, ...], Document]:
    """What to do to a file so that the value is set or removed, and nothing else; and the file that it gives.

    Returns:
        No splices and the same document, where that is so already.

    Raises:
        CannotEditError: the file has errors, or an edit in it would change something else.
    """
    tree = document.tree
    if tree is None or any(problem.severity == "error" for problem in document.problems):
        raise CannotEditError("the file has errors of its own")
    before = tree.plain()
    try:
        wanted = _changed(before, fix.path, fix.value)
    except LookupError:
        raise CannotEditError(f"there is nothing that could hold {format_path(fix.path)}") from None
    if _same(before, wanted):
        return (), document
    node, depth = tree.find(fix.path)
    text = _Text(document.text)
    if depth < len(fix.path):
        found = text.inserted(node, fix.path[depth:], fix.value)
    elif fix.value is REMOVE:
        if any(fix.path[: len(twice)] == twice for twice, _ in document.duplicates):
            raise CannotEditError("the key stands twice")
        found = text.removed(tree.find(fix.path[:-1])[0], node)
    else:
        found = (Splice(*text.span(node), _written(fix.value)),)
    after = parse(spliced(document.text, found), fix.file)
    _require_exact(document, after, wanted)
    return found, after


def _changed(value: Any, path: KeyPath, new: object) -> Any:
    """A copy of plain values with one of them set or removed.

    Raises:
        LookupError: nothing is there that could hold it.
    """
    if not path:
        return new
    head, rest = path[0], path[1:]
    if isinstance(value, dict) and isinstance(head, str):
        if new is REMOVE and head not in value:
            return value
        copy = dict(value)
        if new is REMOVE and not rest:
            del copy[head]
        else:
            copy[head] = _changed(value.get(head, {}), rest, new)
        return copy
    if isinstance(value, list) and isinstance(head, int) and head < len(value):
        copied = list(value)
        if new is REMOVE and not rest:
            del copied[head]
        else:
            copied[head] = _changed(value[head], rest, new)
        return copied
    raise LookupError


def _same(one: Any, other: Any) -> bool:
    """Whether two plain values are the same JSON; to Python, true is 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _require_exact(before: Document, after: Document, wanted: Any) -> None:
    remarks = [comment.text for comment in before.comments]
    if (
        after.tree is None
        or any(problem.severity == "error" for problem in after.problems)
        or not _same(after.tree.plain(), wanted)
        or [comment.text for comment in after.comments] != remarks
    ):
        raise CannotEditError("an edit here would change more than that")


def _written(value: object) -> str:
    """A value as JSON; Orthanc and its image replace variables in the file, so that no ``$`` may stand in it."""
    return json.dumps(value, ensure_ascii=True).replace("$", "\\u0024")


def _line_starts(text: str) -> array[int]:
    starts = array("Q", [1 if text.startswith("\ufeff") else 0])
    starts.extend(found.end() for found in _LINE_END.finditer(text))
    return starts


class _Text:
    """The text of a document that has no errors, and where its values stand."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = _line_starts(text)
        self._new_line = "\r\n" if "\r\n" in text else "\n"

    def span(self, node: Node) -> tuple[int, int]:
        """From the first character of a value to behind its last."""
        start = self._offset(node.mark)
        if self._text[start] in "{[":
            return start, self._closed(start)
        found = (_STRING if self._text[start] == '"' else _SCALAR).match(self._text, start)
        if found is None:
            raise CannotEditError("a value is not where it was")
        return start, found.end()

    def inserted(self, parent: Node, path: KeyPath, value: object) -> tuple[Splice, ...]:
        """A member at the end of an object."""
        for key in reversed(path[1:]):
            value = {key: value}
        member = f"{_written(path[0])}: {_written(value)}"
        start, end = self.span(parent)
        close = end - 1
        children = list(parent.value.values())
        if not children:
            base = self._indent(start)
            at = start + 1 + len(self._text[start + 1 : close].rstrip())
            inner = f"{self._new_line}{base}{self._unit()}{member}{self._new_line}{base}"
            return (Splice(at, close, inner),)
        behind = self.span(children[-1])[1]
        comma = self._skipped(behind)
        has_comma = self._text[comma] == ","
        last = comma + 1 if has_comma else behind
        at = last + len(self._text[last:close].rstrip())
        lead = " "
        if _LINE_END.search(self._text, start, close):
            lead = self._new_line + self._indent(self._offset(children[-1].key_mark or children[-1].mark))
        if has_comma:
            return (Splice(at, at, lead + member),)
        if at == behind:
            return (Splice(at, at, f",{lead}{member}"),)
        return (Splice(behind, behind, ","), Splice(at, at, lead + member))

    def removed(self, parent: Node, node: Node) -> tuple[Splice, ...]:
        """A member of an object, or an element of a list, with the comma that then is one too many."""
        start, end = self._offset(node.key_mark or node.mark), self.span(node)[1]
        comma = self._skipped(end)
        if self._text[comma] == ",":
            if comma == end:
                return (self._line(start, comma + 1),)
            return (Splice(start, end, ""), Splice(comma, comma + 1, ""))
        children = list(parent.value.values() if isinstance(parent.value, dict) else parent.value)
        if len(children) == 1:
            return (self._line(start, end),)
        before = self._skipped(self.span(children[-2])[1])
        return (Splice(before, before + 1, ""), self._line(start, end))

    def _line(self, start: int, end: int) -> Splice:
        """A removal; of the whole line where nothing else stands on it."""
        line = self._starts[bisect_right(self._starts, start) - 1]
        rest = _INDENT.match(self._text, end)
        new_line = _LINE_END.match(self._text, rest.end() if rest else end)
        if new_line is not None and not self._text[line:start].strip():
            return Splice(line, new_line.end(), "")
        return Splice(start, rest.end() if rest and new_line is None else end, "")

    def _offset(self, mark: Mark) -> int:
        return self._starts[mark.line - 1] + mark.column - 1

    def _closed(self, start: int) -> int:
        depth = 0
        for found in _STRUCTURE.finditer(self._text, start):
            depth += (found[0] in "{[") - (found[0] in "}]")
            if depth == 0:
                return found.end()
        raise CannotEditError("a bracket is not closed")

    def _skipped(self, at: int) -> int:
        """Behind blanks and comments."""
        found = _BLANKS.match(self._text, at)
        return found.end() if found else at

    def _indent(self, offset: int) -> str:
        """The blanks at the start of a line."""
        line = self._starts[bisect_right(self._starts, offset) - 1]
        found = _INDENT.match(self._text, line)
        return found[0] if found else ""

    def _unit(self) -> str:
        """The blanks of the first line that begins with some: one level."""
        return next((found for start in self._starts[1:64] if (found := self._indent(start))), "  ")
