"""YAML text -> a tree of nodes that know their place. The YAML is read strictly: what readers disagree on is refused.

PyYAML's parser gives events and marks; the meaning of scalars is ours, because YAML 1.1 (PyYAML, Ansible) and 1.2
(editors, Go) read ``NO``, ``012``, ``12:34`` or ``1_000`` differently: such a scalar is an error, to be quoted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from orthancgen.site.problems import KeyPath, Mark, Problem, printable

if TYPE_CHECKING:
    from yaml.nodes import Node as YamlNode

MAXIMUM_BYTES = 16 * 1024 * 1024
MAXIMUM_DEPTH = 32

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_RESOLVED = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")
)
"""Tags that PyYAML gives a plain scalar by itself; any other was written in the file."""
# https://yaml.org/spec/1.2.2/#103-core-schema against https://yaml.org/type/{bool,int,float,timestamp}.html
_WORDS = frozenset("y Y n N yes Yes YES no No NO on On ON off Off OFF".split())
_AMBIGUOUS_NUMBERS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags=re.ASCII), why)
    for pattern, why in (
        (r"[-+]?0[0-9_]+", "some readers take it for an octal number"),
        (r"[-+]?0[box][0-9a-fA-F_]+", "not every reader takes it for the same number"),
        (r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?", "not every reader takes it for a number"),
        (r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", "some readers take it for a number of base 60"),
        (r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?", "some readers take it for a date"),
        (r"[-+]?(?:\.(?:inf|Inf|INF)|[0-9]*\.?[0-9]+[eE][-+]?[0-9]+|[0-9]+\.|\.[0-9]+)|\.(?:nan|NaN|NAN)",
         "not every reader takes it for the same number"),
    )
)  # fmt: skip


@dataclass(slots=True)
class Node:
    """A value with its place. ``value`` is a scalar, a ``dict[str, Node]`` or a ``list[Node]``."""

    value: Any
    mark: Mark
    key_mark: Mark | None = None

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def find(self, path: KeyPath) -> tuple[Node, int]:
        """The deepest node on the path that exists, and how many parts of the path lead to it."""
        node = self
        for depth, part in enumerate(path):
            children: Any = node.value
            present = part in children if isinstance(children, dict) else (
                isinstance(children, list) and isinstance(part, int) and part < len(children)
            )
            if not present:
                return node, depth
            node = children[part]
        return node, len(path)


def parse(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read one YAML document.

    Args:
        text: the document.
        file: its name, for the places.

    Returns:
        The tree, or None where the text is no YAML at all; and every problem found.
    """
    if len(text) > MAXIMUM_BYTES:
        return None, [Problem(f"the file is larger than {MAXIMUM_BYTES // 2**20} MiB", Mark(file, 1, 1, 1))]
    reader = _Reader(file)
    try:
        root = _compose(text)
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        mark = Mark(file, place.line + 1, place.column + 1, place.column + 2) if place else Mark(file, 1, 1, 1)
        hint = "indent with spaces" if "\\t" in str(error.problem) or "\t" in str(error.problem) else None
        return None, [Problem(f"not YAML: {error.problem or error.context}", mark, hint=hint)]
    except yaml.YAMLError as error:
        return None, [_unreadable(error, text, file)]
    except RecursionError:
        return None, [Problem(f"nested deeper than {MAXIMUM_DEPTH} levels", Mark(file, 1, 1, 1))]
    if root is None:
        return None, [Problem("the file is empty", Mark(file, 1, 1, 1), hint="`orthancgen init` writes a first one")]
    tree = reader.node(root, (), 0)
    return tree, reader.problems


def _compose(text: str) -> YamlNode | None:
    """Compose by libyaml where PyYAML has it (ten times faster); both give the same nodes and marks."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    composed: YamlNode | None = yaml.compose(text, Loader=loader)
    return composed


def _unreadable(error: yaml.YAMLError, text: str, file: str) -> Problem:
    position = getattr(error, "position", None)
    if isinstance(position, int):
        before = text[:position]
        line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
        return Problem("a character that YAML does not allow", Mark(file, line, column, column + 1))
    return Problem(f"not YAML: {printable(str(error))}", Mark(file, 1, 1, 1))


class _Reader:
    """Turns PyYAML's nodes into ours and collects what is wrong on the way."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._seen: set[int] = set()

    def node(self, source: YamlNode, path: KeyPath, depth: int) -> Node:
        mark = self._mark(source)
        if depth > MAXIMUM_DEPTH:
            self._problem(f"nested deeper than {MAXIMUM_DEPTH} levels", mark, path)
            return Node(None, mark)
        if id(source) in self._seen:
            self._problem(
                "an alias (*name): this file is read without them", mark, path,
                hint="write the value out, or put what environments share into a base file named by `extends`",
            )  # fmt: skip
            return Node(None, mark)
        self._seen.add(id(source))
        if isinstance(source, yaml.ScalarNode):
            return Node(self._scalar(source, mark, path), mark)
        if isinstance(source, yaml.SequenceNode):
            if source.tag != "tag:yaml.org,2002:seq":
                self._tag(source, mark, path)
            return Node([self.node(item, (*path, i), depth + 1) for i, item in enumerate(source.value)], mark)
        if source.tag != "tag:yaml.org,2002:map":
            self._tag(source, mark, path)
        return Node(self._mapping(source, path, depth), mark)

    def _mapping(self, source: YamlNode, path: KeyPath, depth: int) -> dict[str, Node]:
        children: dict[str, Node] = {}
        for key_source, value_source in source.value:
            key_mark = self._mark(key_source)
            if not isinstance(key_source, yaml.ScalarNode):
                self._problem("a key is a text", key_mark, path)
                continue
            if not key_source.style and key_source.value == "<<":
                self._problem("a merge key (<<): this file is read without them", key_mark, path, hint="use `extends`")
                continue
            key = self._scalar(key_source, key_mark, path)
            if not isinstance(key, str):
                if key is not None or key_source.value in _NULLS:
                    self._problem("a key is a text", key_mark, path, hint=f'quote it: "{printable(key_source.value)}"')
                continue
            if key in children:
                first = children[key].key_mark
                where = f", first on line {first.line}" if first else ""
                self._problem(f"the key {printable(key)} stands twice{where}", key_mark, (*path, key))
                continue
            child = self.node(value_source, (*path, key), depth + 1)
            child.key_mark = key_mark
            children[key] = child
        return children

    def _scalar(self, source: yaml.ScalarNode, mark: Mark, path: KeyPath) -> str | int | float | bool | None:
        text: str = source.value
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._problem("half of a surrogate pair is no character", mark, path)
            return None
        if source.style:  # libyaml says "" for a plain scalar, PyYAML None
            if source.tag not in {"tag:yaml.org,2002:str", "!"}:
                self._tag(source, mark, path)
            return text
        if source.tag not in _RESOLVED:
            self._tag(source, mark, path)
            return None
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if text in _WORDS:
            return self._ambiguous(text, "some readers take it for true or false", mark, path)
        if text[0] not in "+-.0123456789":
            return text
        for pattern, why in _AMBIGUOUS_NUMBERS:
            if pattern.fullmatch(text):
                return self._ambiguous(text, why, mark, path)
        if _INTEGER.fullmatch(text):
            if len(text) > 19:
                self._problem("the number is too large", mark, path)
                return None
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if not math.isfinite(number):
                self._problem("the number is too large", mark, path)
                return None
            return number
        return text

    def _ambiguous(self, text: str, why: str, mark: Mark, path: KeyPath) -> None:
        hint = f'write "{text}" for the text' + (", or true or false" if text in _WORDS else "")
        self._problem(f"{printable(text)} is ambiguous: {why}", mark, path, hint=hint)

    def _tag(self, source: YamlNode, mark: Mark, path: KeyPath) -> None:
        tag = source.tag.replace("tag:yaml.org,2002:", "!!")
        self._problem(f"the tag {printable(tag)} is not allowed", mark, path, hint="leave it out, or quote the text")

    def _problem(self, message: str, mark: Mark, path: KeyPath, *, hint: str | None = None) -> None:
        self.problems.append(Problem(message, mark, path, hint))

    def _mark(self, source: YamlNode) -> Mark:
        start, end = source.start_mark, source.end_mark
        one_line = isinstance(source, yaml.ScalarNode) and start.line == end.line
        column = start.column + 1
        return Mark(self.file, start.line + 1, column, end.column + 1 if one_line else column + 1)


def walk(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Every node of the tree with its path, outer ones first."""
    yield path, node
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from walk(child, (*path, key))
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from walk(child, (*path, index))
