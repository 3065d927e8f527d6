"""Where the values of an environment file stand in its text, so that one can be changed and all else stays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_END: Final = re.compile(r"\r\n?|\n")
_BLANKS: Final = re.compile(r"[ \t]*+")


@dataclass(frozen=True, slots=True)
class Item:
    """A key with its value, or an item of a list, by offsets into the text.

    Attributes:
        start: of the key, or of the item.
        colon: behind the colon of the key; for an item without a key, its start.
        value: where the value begins; for a key without a value, behind its colon.
        end: behind the last character of the value.
        kind: of the value.
        one_line: the value is a section or list in braces or brackets.
        children: key -> item of a section; of a list, its number.
    """

    start: int
    colon: int
    value: int
    end: int
    kind: str
    one_line: bool
    children: Mapping[str, Item] = field(default_factory=dict)


def layout(text: str) -> Item:
    """Where everything stands in a document that `site.tree.parse` has read without problems.

    Args:
        text: without a byte order mark.
    """
    node: Any = yaml.compose(text, Loader=_LOADER)
    return _item(text, node, node.start_mark.index, node.start_mark.index)


def _item(text: str, node: Any, start: int, colon: int) -> Item:
    if isinstance(node, yaml.MappingNode):
        found = {str(key.value): _member(text, key, child) for key, child in node.value}
        return _holder(node, "section", start, colon, found)
    if isinstance(node, yaml.SequenceNode):
        items = {
            str(number): _item(text, child, child.start_mark.index, child.start_mark.index)
            for number, child in enumerate(node.value)
        }
        return _holder(node, "list", start, colon, items)
    first, last = node.start_mark.index, node.end_mark.index
    if first == last:
        return Item(start, colon, colon, colon, "nothing", False)
    end = first + len(text[first:last].rstrip())  # the ends of lines behind a folded text are its own to YAML
    return Item(start, colon, first, end, "scalar", False)


def _member(text: str, key: Any, child: Any) -> Item:
    behind = text.find(":", key.end_mark.index) + 1 or key.end_mark.index
    return _item(text, child, key.start_mark.index, behind)


def _holder(node: Any, kind: str, start: int, colon: int, children: dict[str, Item]) -> Item:
    # To YAML a section ends where the next token begins, comments and blank lines included.
    first, closed = node.start_mark.index, bool(node.flow_style)
    end = node.end_mark.index if closed else max((child.end for child in children.values()), default=first)
    return Item(start, colon, first, end, kind, closed, children)


class Lines:
    """A text by its lines.

    Args:
        text: the text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.new_line = "\r\n" if "\r\n" in text else "\n"

    def start(self, offset: int) -> int:
        """Where the line of an offset begins."""
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1

    def column(self, offset: int) -> int:
        """Columns before an offset, from 0."""
        return offset - self.start(offset)

    def end(self, offset: int) -> int:
        """Where the line of an offset ends, before its end of line."""
        found = _LINE_END.search(self.text, offset)
        return found.start() if found else len(self.text)

    def behind(self, offset: int) -> int:
        """Where the next line begins."""
        found = _LINE_END.search(self.text, offset)
        return found.end() if found else len(self.text)

    def behind_comments(self, offset: int, least: int) -> int:
        """The end of the line of an offset, or of the last comment below it that is indented at least that far."""
        at = self.end(offset)
        for comment, indent in self._comments_below(at):
            if indent < least:
                break
            at = comment
        return at

    def blank_before(self, offset: int) -> bool:
        """Whether the line above that of an offset is blank."""
        start = self.start(offset)
        above = self.text[self.start(start - 1) : start] if start > 1 else "x"
        return not above.strip()

    def _comments_below(self, end: int) -> Iterator[tuple[int, int]]:
        while end < len(self.text):
            start = self.behind(end)
            blanks = _BLANKS.match(self.text, start)
            at = blanks.end() if blanks else start
            if self.text[at : at + 1] != "#":
                return
            end = self.end(at)
            yield end, at - start
