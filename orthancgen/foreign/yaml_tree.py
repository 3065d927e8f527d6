"""YAML as programs in the wild read it (YAML 1.1, aliases, merge keys), to the same trees as everything else.

`orthancgen.site.tree` reads our own files and refuses what readers disagree on; here it is read as Compose's reader
does (gopkg.in/yaml.v3 as compose-go uses it): ``yes`` and ``on`` are texts in a text's place, merge keys are resolved.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from orthancgen.site.problems import Mark, Problem
from orthancgen.site.tree import Node

if TYPE_CHECKING:
    from yaml.nodes import Node as YamlNode

MAXIMUM_CHARACTERS: Final = 4 * 1024 * 1024
MAXIMUM_DEPTH: Final = 48
MAXIMUM_PROBLEMS: Final = 100
MAXIMUM_NODES: Final = 100_000
"""Values that are read, those behind an alias as often as it stands."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_OCTAL = re.compile(r"0o?[0-7]{1,18}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,17}\.[0-9]{0,17}|\.[0-9]{1,17})(?:[eE][-+]?[0-9]{1,3})?")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_YAML_1_1 = {word: word.lower() in ("yes", "on") for word in
             ("yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF")}  # fmt: skip
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FOREIGN = re.compile("[^\\t\\n\\r -~\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_KINDS = {yaml.ScalarNode: "str", yaml.SequenceNode: "seq", yaml.MappingNode: "map"}


@dataclass(slots=True)
class Block(Node):
    """A text that was written as a literal block (``|``): its lines are lines of the file.

    Attributes:
        line: that of its first line, from 1.
        column: that of its first character on each line, from 1.
    """

    line: int = 0
    column: int = 0


class _Loader(_PARSER):  # type: ignore[misc]
    """Leaves the meaning of scalars to us."""

    def resolve(self, kind: type[YamlNode], value: object, implicit: object) -> str:
        """The tag of a node that was written without one."""
        return f"tag:yaml.org,2002:{_KINDS[kind]}"


def parse_yaml(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read a YAML document; of several, the first.

    Returns:
        The tree, None where there is none; and what is wrong. Nothing is raised.
    """
    documents, problems = parse_documents(text, file)
    return (documents[0] if documents else None), problems


def parse_documents(text: str, file: str) -> tuple[list[Node], list[Problem]]:
    """Read every document of a file."""
    text = text.removeprefix("\ufeff")
    roots, problem = compose_nodes(text, file)
    if problem is not None:
        return [], [problem]
    reader = _Reader(file, text)
    documents = [node for root in roots if (node := reader.node(root, 0)) is not None]
    return documents, reader.problems


def compose_nodes(text: str, file: str) -> tuple[list[YamlNode], Problem | None]:
    """The nodes of PyYAML of each document, every tag a text; or why there are none. Nothing is raised."""
    start = Mark(file, 1, 1, 1)
    if len(text) > MAXIMUM_CHARACTERS:
        return [], Problem(f"the file is larger than {MAXIMUM_CHARACTERS // 2**20} MiB", start)
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        line, column = text.count("\n", 0, foreign.start()) + 1, foreign.start() - text.rfind("\n", 0, foreign.start())
        message = f"U+{ord(foreign[0]):04X} is a character that YAML does not allow"
        return [], Problem(message, Mark(file, line, column, column + 1))
    try:
        problem = _survey(text, file)
        roots = [] if problem else [root for root in yaml.compose_all(text, Loader=_Loader) if root is not None]
    except yaml.MarkedYAMLError as error:
        return [], _not_yaml(error, file)
    except (yaml.YAMLError, ValueError, RecursionError):
        return [], Problem("not YAML", start)
    return roots, problem


def _survey(text: str, file: str) -> Problem | None:
    """What is too much, before libyaml composes it recursively: a deep file would end the process."""
    depth = 0
    for nodes, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAXIMUM_DEPTH or nodes > 2 * MAXIMUM_NODES:
            line, column = (event.start_mark.line, event.start_mark.column) if event.start_mark else (0, 0)
            mark = Mark(file, line + 1, column + 1, column + 2)
            what = f"nested deeper than {MAXIMUM_DEPTH} levels" if depth > MAXIMUM_DEPTH else "the file holds too much"
            return Problem(what, mark)
    return None


def _not_yaml(error: yaml.MarkedYAMLError, file: str) -> Problem:
    place = error.problem_mark or error.context_mark
    line, column = (place.line, place.column) if place else (0, 0)
    # What the parser says may quote the file: the kind of fault is enough.
    said = re.split(r"['\"]", error.problem or error.context or "unreadable")[0].strip()
    said = "an undefined alias" if "undefined alias" in said else said
    return Problem(f"not YAML: {said}", Mark(file, line + 1, column + 1, column + 2), hint="mend the YAML first")


class _Reader:
    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)  # https://yaml.org/spec/1.1/#b-char
        self.problems: list[Problem] = []
        self._nodes = 0
        self._too_large = False
        self._open: set[int] = set()

    def node(self, source: YamlNode, depth: int) -> Node | None:
        mark = self._mark(source)
        self._nodes += 1
        if self._nodes > MAXIMUM_NODES or depth > MAXIMUM_DEPTH or id(source) in self._open:
            if not self._too_large:
                self._too_large = True
                self.problems.append(Problem("its aliases make the file too large: not everything is read", mark))
            return None
        if isinstance(source, yaml.ScalarNode):
            value = scalar(source.value, plain=not source.style, tag=source.tag)
            if source.style == "|":
                return self._block(source.value, mark)
            return Node(value, mark)
        self._open.add(id(source))
        if isinstance(source, yaml.SequenceNode):
            items = [self.node(item, depth + 1) for item in source.value]
            result = Node([item for item in items if item is not None], mark)
        else:
            result = Node(self._mapping(source, depth), mark)
        self._open.discard(id(source))
        return result

    def _mapping(self, source: YamlNode, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        merged: list[YamlNode] = []
        for key, value in source.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value == "<<" and not key.style:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            name = str(key.value)
            if name in members and len(self.problems) < MAXIMUM_PROBLEMS:
                message = "the key stands twice"
                self.problems.append(Problem(message, self._mark(key), (name,), "remove one of them"))
            child = self.node(value, depth + 1)
            if child is not None:
                child.key_mark = self._mark(key)
                members[name] = child
        for part in merged:  # what stands here wins over what is merged, and the first part over later ones
            other = self.node(part, depth + 1)
            if other is not None and isinstance(other.value, dict):
                members = {**other.value, **members}
        return members

    def _block(self, text: str, mark: Mark) -> Node:
        first = text.split("\n", 1)[0]
        for number in range(mark.line, min(mark.line + 3, len(self.lines))):  # blank lines may stand before it
            written = self.lines[number]
            if first.strip() and written.endswith(first):
                return Block(text, mark, None, number + 1, len(written) - len(first) + 1)
        return Node(text, mark)

    def _mark(self, source: YamlNode) -> Mark:
        start, end = source.start_mark, source.end_mark
        one_line = isinstance(source, yaml.ScalarNode) and start.line == end.line
        column = start.column + 1
        return Mark(self.file, start.line + 1, column, max(end.column + 1 if one_line else 0, column + 1))


def scalar(text: str, *, plain: bool, tag: str = "") -> str | int | float | bool | None:
    """The value of a scalar: of a plain one what YAML 1.2 and Compose take it for."""
    if not plain or tag == "tag:yaml.org,2002:str!" or tag == "!":
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text in _YAML_1_1:  # a boolean where one is expected, which no key that we look at is; else a text
        return text
    if text[0] not in "-+.0123456789" or len(text) > 48:
        return text
    for pattern, read in _NUMBERS:
        if pattern.fullmatch(text):
            return read(text)
    return text


def truth(value: object) -> bool:
    """A boolean of Compose, also one in quotes or in the words of YAML 1.1."""
    if isinstance(value, str):
        return _YAML_1_1.get(value, value.lower() == "true")
    return value is True


_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (_INTEGER, int),
    (_OCTAL, lambda text: int(text.replace("o", ""), 8)),
    (_HEXADECIMAL, lambda text: int(text, 16)),
    (_FLOAT, float),
)
