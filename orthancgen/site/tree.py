"""YAML text -> a tree of nodes that know their place. The YAML is read strictly: what readers disagree on is refused.

PyYAML's parser gives events and marks; the meaning of scalars is ours, because YAML 1.1 (PyYAML, Ansible) and 1.2
(editors, Go) read ``NO``, ``012``, ``12:34`` or ``1_000`` differently: such a scalar is an error, to be quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from orthancgen.site.problems import HIDDEN, KeyPath, Mark, Problem, printable

if TYPE_CHECKING:
    from yaml.nodes import Node as YamlNode

MAXIMUM_BYTES = 16 * 1024 * 1024
MAXIMUM_DEPTH = 32

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+")
_LONGEST_NUMBER = 64
_LONG_NUMBER = re.compile(r"[-+.0-9_:eE]+")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_RESOLVED = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge")
)
"""Tags that PyYAML gives a plain scalar by itself; any other was written in the file."""
# https://yaml.org/spec/1.2.2/#103-core-schema against https://yaml.org/type/{bool,int,float,timestamp}.html
_WORDS = frozenset(["y", "Y", "n", "N", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"])
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
            present = (
                part in children
                if isinstance(children, dict)
                else (isinstance(children, list) and isinstance(part, int) and part < len(children))
            )
            if not present:
                return node, depth
            node = children[part]
        return node, len(path)


MaySecret = Callable[[KeyPath, str], bool]


def _none_is(_path: KeyPath, _value: str) -> bool:
    return False


def parse(text: str, file: str, may_be_secret: MaySecret = _none_is) -> tuple[Node | None, list[Problem]]:
    """Read one YAML document.

    Args:
        text: the document.
        file: its name, for the places.
        may_be_secret: tells for a key path and a scalar whether no message may hold it.

    Returns:
        The tree, or None where the text is no YAML at all; and every problem found.
    """
    if len(text) > MAXIMUM_BYTES:
        return None, [Problem(f"the file is larger than {MAXIMUM_BYTES // 2**20} MiB", Mark(file, 1, 1, 1))]
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        line, column = text.count("\n", 0, foreign.start()) + 1, foreign.start() - text.rfind("\n", 0, foreign.start())
        described = f"U+{ord(foreign[0]):04X} is a character that YAML does not allow"
        return None, [Problem(described, Mark(file, line, column, column + 1))]
    try:
        problems, too_deep = _survey(text, file)
        if too_deep:
            return None, problems
        root: YamlNode | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        return None, [_not_yaml(error, text, file)]
    if root is None:
        return None, [Problem("the file is empty", Mark(file, 1, 1, 1), hint="`orthancgen init` writes a first one")]
    reader = _Reader(file, problems, may_be_secret)
    return reader.node(root, ()), reader.problems


_INSTEAD_OF_ALIAS = "write the value out, or put what environments share into a base file named by `extends`"
_INSTEAD_OF_TAG = "leave it out, or quote the text"
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML has it (ten times faster); both give the same nodes and marks."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAGS = {yaml.ScalarNode: "str", yaml.SequenceNode: "seq", yaml.MappingNode: "map"}


class _Loader(_PARSER):  # type: ignore[misc]
    """Takes a scalar without a tag for a text: what it means is decided here, once, and not by PyYAML's patterns."""

    def resolve(self, kind: type[YamlNode], value: object, implicit: object) -> str:
        """The tag of a node that was written without one."""
        return f"tag:yaml.org,2002:{_TAGS[kind]}"


_FOREIGN = re.compile("[^\\t\\n\\r -~\\x85\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\\U00010000-\\U0010ffff]")
"""What is no ``c-printable`` of https://yaml.org/spec/1.1/, and the byte order mark inside a document."""


def _survey(text: str, file: str) -> tuple[list[Problem], bool]:
    """What the events show before they are composed: anchors, aliases, and whether the document nests too deep.

    libyaml composes recursively, so that a deep file ends the process; and a composed alias no longer knows its place.
    """
    depth, problems = 0, []
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            continue
        if getattr(event, "anchor", None):
            what = "an alias (*name)" if isinstance(event, yaml.AliasEvent) else "an anchor (&name)"
            place = _place(event, file)
            problems.append(Problem(f"{what}: this file is read without them", place, hint=_INSTEAD_OF_ALIAS))
        if isinstance(event, yaml.ScalarEvent) and not event.style and event.tag in _RESOLVED:
            # Composed, it would look as if PyYAML had resolved it; any other tag is told by the reader.
            place = _place(event, file)
            problems.append(Problem(f"the tag {_short(event.tag)} is not allowed", place, hint=_INSTEAD_OF_TAG))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAXIMUM_DEPTH:
                return [Problem(f"nested deeper than {MAXIMUM_DEPTH} levels", _place(event, file))], True
    return problems, False


def _place(event: yaml.Event, file: str) -> Mark:
    start = event.start_mark
    line, column = (start.line + 1, start.column + 1) if start else (1, 1)
    return Mark(file, line, column, column + 1)


def _short(tag: str) -> str:
    return printable(tag.replace("tag:yaml.org,2002:", "!!"))


def _not_yaml(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    place = error.problem_mark or error.context_mark
    line, column = (place.line, place.column) if place else (0, 0)
    lines = text.split("\n")
    before = lines[line][: column + 1] if line < len(lines) else ""
    # The pure Python parser quotes the alias that it read, which may be a password.
    said = re.sub(r"(undefined alias).*", r"\1", error.problem or error.context or "unreadable", flags=re.DOTALL)
    hint = "indent with spaces, not tabs" if "\t" in before else None
    return Problem(f"not YAML: {printable(said)}", Mark(file, line + 1, column + 1, column + 2), hint=hint)


def mask(text: str, may_be_secret: MaySecret) -> str | None:
    """The text with every scalar hidden that may be a secret, also one that stands in a section that is refused.

    Args:
        text: the document.
        may_be_secret: tells for a key path and a scalar.

    Returns:
        The text, each hidden character replaced by :data:`~orthancgen.site.problems.HIDDEN`; None where it is no YAML.
    """
    try:
        unsafe = len(text) > MAXIMUM_BYTES or _FOREIGN.search(text) or _survey(text, "")[1]
        root = None if unsafe else yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return None
    if root is None:
        return None
    pieces: list[str] = []
    at = 0
    for start, end in sorted(_spans(root, (), may_be_secret, set())):
        if start >= at:
            pieces += [text[at:start], re.sub(r"[^\n\r]", HIDDEN, text[start:end])]
            at = end
    return "".join((*pieces, text[at:]))


def _spans(source: YamlNode, path: KeyPath, may_be_secret: MaySecret, seen: set[int]) -> Iterator[tuple[int, int]]:
    if isinstance(source, yaml.ScalarNode):
        if may_be_secret(path, source.value):
            yield source.start_mark.index, source.end_mark.index
        return
    if id(source) in seen:
        return
    seen.add(id(source))
    if isinstance(source, yaml.SequenceNode):
        for index, item in enumerate(source.value):
            yield from _spans(item, (*path, index), may_be_secret, seen)
    else:
        for key, value in source.value:
            yield from _spans(value, (*path, str(key.value)), may_be_secret, seen)


class _Reader:
    """Turns PyYAML's nodes into ours and collects what is wrong on the way."""

    def __init__(self, file: str, problems: list[Problem], may_be_secret: MaySecret) -> None:
        self.file = file
        self.problems = problems
        self.may_be_secret = may_be_secret
        self._seen: set[int] = set()

    def node(self, source: YamlNode, path: KeyPath) -> Node:
        mark = self._mark(source)
        if id(source) in self._seen:  # an alias, told by the survey
            return Node(None, mark)
        self._seen.add(id(source))
        if isinstance(source, yaml.ScalarNode):
            return Node(self._scalar(source, mark, path), mark)
        if isinstance(source, yaml.SequenceNode):
            if source.tag != "tag:yaml.org,2002:seq":
                self._tag(source, mark, path)
            return Node([self.node(item, (*path, i)) for i, item in enumerate(source.value)], mark)
        if source.tag != "tag:yaml.org,2002:map":
            self._tag(source, mark, path)
        return Node(self._mapping(source, path), mark)

    def _mapping(self, source: YamlNode, path: KeyPath) -> dict[str, Node]:
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
            child = self.node(value_source, (*path, key))
            child.key_mark = key_mark
            children[key] = child
        return children

    def _scalar(self, source: yaml.ScalarNode, mark: Mark, path: KeyPath) -> str | int | float | bool | None:
        text: str = source.value
        if not text.isascii() and _SURROGATE.search(text):
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
            self._ambiguous(text, "some readers take it for true or false", mark, path)
            return None
        if text[0] not in "+-.0123456789":
            return text
        if len(text) > _LONGEST_NUMBER:  # the patterns below take quadratic time
            if _LONG_NUMBER.fullmatch(text):
                self._problem("the number is too large", mark, path)
                return None
            return text
        for pattern, why in _AMBIGUOUS_NUMBERS:
            if pattern.fullmatch(text):
                self._ambiguous(text, why, mark, path)
                return None
        if _INTEGER.fullmatch(text):
            if len(text) > 19:
                self._problem("the number is too large", mark, path)
                return None
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        return text

    def _ambiguous(self, text: str, why: str, mark: Mark, path: KeyPath) -> None:
        if self.may_be_secret(path, text):
            self._problem(f"the value is ambiguous: {why}", mark, path, hint="quote it if it is a text")
            return
        hint = f'write "{printable(text)}" for the text' + (", or true or false" if text in _WORDS else "")
        self._problem(f"{printable(text)} is ambiguous: {why}", mark, path, hint=hint)

    def _tag(self, source: YamlNode, mark: Mark, path: KeyPath) -> None:
        tag = _short(source.tag)
        shown = "a tag" if self.may_be_secret(path, tag) else f"the tag {tag}"
        self._problem(f"{shown} is not allowed", mark, path, hint=_INSTEAD_OF_TAG)

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
