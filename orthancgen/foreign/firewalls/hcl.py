"""Terraform's own language as the trees that its JSON syntax gives. The grammar is python-hcl2's.

https://developer.hashicorp.com/terraform/language/syntax/json: blocks of one kind are a list, an expression that is no
literal is the text ``${...}``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from lark import Token, Tree
from lark.exceptions import LarkError, UnexpectedInput

from orthancgen.foreign.places import Places
from orthancgen.site.problems import Mark, Problem
from orthancgen.site.tree import Node

MAXIMUM_CHARACTERS: Final = 256 * 1024
_DEEPEST: Final = 48
_BRACKET: Final = re.compile(r"[\[\](){}]")
_ENDLESS: Final = re.compile(r"(?:-[0-9]){50}")
"""What the grammar takes quadratic time for."""
_HEREDOC: Final = re.compile(r"<<-?([A-Za-z][A-Za-z0-9._-]*)[ \t\r]*$", re.MULTILINE)
_LONELY: Final = re.compile(r"^[ \t]*([A-Za-z][A-Za-z0-9._-]*)[ \t\r]*$", re.MULTILINE)
_AS_LISTS: Final = frozenset({"toset", "tolist", "concat", "flatten", "distinct", "compact", "setunion"})
"""Functions whose value is, for whoever asks which addresses there are, the list of what they are given."""
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}

_Tree = Tree[Token]
_Part = _Tree | Token


def parse_hcl(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read a file of Terraform.

    Returns:
        The tree, None where it cannot be read; and why.
    """
    if len(text) > MAXIMUM_CHARACTERS:
        problem = Problem(f"longer than {MAXIMUM_CHARACTERS // 1024} Ki characters: not read", Mark(file, 1, 1, 2))
        return None, [problem]
    if _depth(text) > _DEEPEST or _ENDLESS.search(text):
        return None, [Problem("nested too deep, or one sum of many numbers: not read", Mark(file, 1, 1, 2))]
    import hcl2  # heavy: a parser is built

    plain = _without_heredocs(text)
    places = Places(plain, file)
    try:
        tree: _Tree = hcl2.parses_to_tree(plain + "\n")
    except UnexpectedInput as error:
        at = error.pos_in_stream
        at = len(plain) if at is None or at < 0 else at
        return None, [Problem("not the language of Terraform", places.mark(at, at))]
    except (LarkError, RecursionError):
        return None, [Problem("not the language of Terraform", Mark(file, 1, 1, 2))]
    return _Converter(plain, places).body(tree), []


def _depth(text: str) -> int:
    depth = deepest = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found[0] in "[({" else -1
        deepest = max(deepest, depth)
    return deepest


def _without_heredocs(text: str) -> str:
    """The text with an empty string for each heredoc, on as many lines: the grammar takes long for these."""
    ends: dict[str, list[re.Match[str]]] = {}
    for line in _LONELY.finditer(text):
        ends.setdefault(line[1], []).append(line)
    pieces: list[str] = []
    at = 0
    for found in _HEREDOC.finditer(text):
        if found.start() < at:
            continue  # within another one
        of_name = ends.get(found[1], [])
        number = bisect_right(of_name, found.end(), key=lambda line: line.start())
        end = of_name[number].end() if number < len(of_name) else found.end()  # one that does not end is an error yet
        pieces += [text[at : found.start()], '""', "\n" * text.count("\n", found.start(), end)]
        at = end
    return "".join((*pieces, text[at:]))


class _Converter:
    def __init__(self, text: str, places: Places) -> None:
        self.text = text
        self._places = places

    def body(self, tree: _Tree) -> Node:
        """Attributes and blocks."""
        members: dict[str, Node] = {}
        for part in _trees(tree):
            if part.data == "body":
                return self.body(part)
            if part.data == "attribute":
                name, value = part.children[0], part.children[-1]
                node = self.value(value)
                node.key_mark = self._mark(name)
                members[self._name(name)] = node
            elif part.data == "block":
                self._block(part, members)
        return Node(members, self._mark(tree))

    def _block(self, block: _Tree, members: dict[str, Node]) -> None:
        """A block, its place that of its head: ``a "b" {}`` as ``{"a": [{"b": {}}]}``."""
        heads = [part for part in _trees(block) if part.data not in {"body", "new_line_or_comment"}]
        inner = self.body(next(part for part in _trees(block) if part.data == "body"))
        mark = self._mark(heads[0], heads[-1])
        node = Node(inner.value, mark, mark)
        for head in reversed(heads[1:]):
            node = Node({self._name(head): node}, mark, mark)
        listed = members.setdefault(self._name(heads[0]), Node([], mark, mark))
        if isinstance(listed.value, list):
            listed.value.append(node)

    def value(self, part: _Part) -> Node:
        """An expression."""
        mark = self._mark(part)
        while isinstance(part, Tree) and part.data == "expr_term":
            inner = [one for one in _trees(part) if one.data != "new_line_or_comment"]
            if len(inner) != 1:
                break
            part = inner[0]
        if isinstance(part, Tree):
            if part.data == "string":
                return Node(self._string(part), mark)
            if part.data in {"int_lit", "float_lit"}:
                return Node(_number(self._raw(part)), mark)
            if part.data == "unary_op" and self._raw(part).startswith("-"):
                return Node(_number(self._raw(part)), mark)
            if part.data == "literal_value":
                return Node({"true": True, "false": False}.get(self._raw(part)), mark)
            if part.data == "tuple":
                return Node([self.value(one) for one in _values(part)], mark)
            if part.data == "object":
                return Node(self._object(part), mark)
            if part.data == "function_call" and (given := self._as_list(part)) is not None:
                return Node(given, mark)
        return Node(f"${{{self._raw(part)}}}", mark)

    def _object(self, tree: _Tree) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for element in _trees(tree):
            if element.data == "object_elem":
                key = element.children[0]
                node = self.value(element.children[-1])
                node.key_mark = self._mark(key)
                members[self._name(key)] = node
        return members

    def _as_list(self, call: _Tree) -> list[Node] | None:
        parts = list(_trees(call))
        if self._name(parts[0]) not in _AS_LISTS:
            return None
        arguments = next((part for part in parts if part.data == "arguments"), None)
        return [] if arguments is None else [self.value(one) for one in _values(arguments)]

    def _string(self, tree: _Tree) -> str:
        raw = self._raw(tree)[1:-1]
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), raw, flags=re.DOTALL)

    def _name(self, part: _Part) -> str:
        raw = self._raw(part).strip()
        return raw[1:-1] if len(raw) > 1 and raw[0] == raw[-1] == '"' else raw

    def _raw(self, part: _Part) -> str:
        start, end = _span(part)
        return self.text[start:end]

    def _mark(self, part: _Part, last: _Part | None = None) -> Mark:
        start, end = _span(part)
        return self._places.mark(start, _span(last)[1] if last is not None else end)


def _span(part: _Part) -> tuple[int, int]:
    if isinstance(part, Token):
        return part.start_pos or 0, part.end_pos or 0
    return (0, 0) if part.meta.empty else (part.meta.start_pos, part.meta.end_pos)


def _trees(tree: _Tree) -> Iterator[_Tree]:
    return (part for part in tree.children if isinstance(part, Tree))


def _values(tree: _Tree) -> Iterator[_Tree]:
    return (part for part in _trees(tree) if part.data != "new_line_or_comment")


def _number(text: str) -> int | float | None:
    try:
        return int(text.replace(" ", "")) if len(text) < 20 else None
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None
