"""Modules of Terraform, whichever of its two syntaxes: resources, and values as far as the file itself says them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Final

from orthancgen.foreign import jsonc
from orthancgen.foreign.firewalls.addresses import network
from orthancgen.foreign.firewalls.cloud import Steps
from orthancgen.foreign.firewalls.hcl import parse_hcl
from orthancgen.site.problems import KeyPath, Problem
from orthancgen.site.tree import Node

_EXPRESSION: Final = re.compile(r"\$\{([\s\S]*)\}")
_DOTTED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)+")
_QUOTED: Final = re.compile(r'"([0-9A-Fa-f.:/]{1,64})"')
_MOST_TURNS: Final = 1000
_MOST_TURNS_IN_ALL: Final = 20_000
"""How often resources and blocks are repeated, each for one value, and in a whole module."""
_DEEPEST: Final = 8

Scope = Mapping[str, Node]
"""What ``each.value`` and the like stand for within a resource or block that is repeated."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource: once for each turn of its ``for_each`` as far as that is known."""

    kind: str
    name: str
    body: Node
    path: KeyPath
    scope: Scope


class Module:
    """A file of Terraform.

    Attributes:
        steps: how many values may still be looked up.
        problems: what of it cannot be read.
    """

    def __init__(self, text: str, file: str) -> None:
        if PurePath(file).name.endswith(".json") or text.lstrip()[:1] == "{":
            document = jsonc.parse(text, file)
            self.tree: Node | None = document.tree
            self.problems: list[Problem] = [one for one in document.problems if one.severity == "error"]
        else:
            self.tree, self.problems = parse_hcl(text, file)
        self._known: dict[str, Node] = {}
        self.steps = Steps()
        self._turns_left = _MOST_TURNS_IN_ALL
        for name, body, _ in self._named("variable"):
            default = members(body).get("default")
            if default is not None:
                self._known[f"var.{name}"] = default
        for listed, _ in blocks(self.tree, "locals"):
            for name, value in members(listed).items():
                self._known.setdefault(f"local.{name}", value)

    def resources(self, *kinds: str) -> Iterator[Resource]:
        """The resources of some kinds, in the order of the file."""
        for kinds_node, path in blocks(self.tree, "resource"):
            for kind, named in members(kinds_node).items():
                if kind not in kinds:
                    continue
                for part, part_path in _listed(named, (*path, kind)):
                    for name, body_node in members(part).items():
                        for body, body_path in _listed(body_node, (*part_path, name)):
                            for scope in self._turns(body, "each", {}):
                                yield Resource(kind, name, body, body_path, scope)

    def blocks(self, resource: Resource, name: str) -> Iterator[tuple[Node, KeyPath, Scope]]:
        """The blocks of a name in a resource, dynamic ones as often as they are repeated."""
        for body, path in blocks(resource.body, name, resource.path):
            yield body, path, resource.scope
        for listed, path in blocks(resource.body, "dynamic", resource.path):
            for body, dynamic_path in _listed(members(listed).get(name), (*path, name)):
                label = members(body).get("iterator")
                iterator = str(label.value).removeprefix("${").removesuffix("}") if label is not None else name
                for scope in self._turns(body, iterator, resource.scope):
                    for content, content_path in blocks(body, "content", dynamic_path):
                        yield content, content_path, scope

    def texts(self, node: Node | None, scope: Scope) -> list[str]:
        """The texts that a value is, of a list all of them; an expression that is not known as it is written.

        Of an expression with addresses in it, as of a condition, every address counts.
        """
        return list(self._texts(node, scope, 0))

    def text(self, node: Node | None, scope: Scope) -> str:
        """The first of these texts, "" where there is none."""
        return next(self._texts(node, scope, 0), "")

    def _texts(self, node: Node | None, scope: Scope, depth: int) -> Iterator[str]:
        if node is None or node.value is None or depth > _DEEPEST or not self.steps.left():
            return
        known = self._resolved(node, scope)
        if known is not node:
            yield from self._texts(known, scope, depth + 1)
        elif isinstance(node.value, list):
            for one in node.value:
                yield from self._texts(one, scope, depth + 1)
        elif isinstance(node.value, bool):
            yield "true" if node.value else "false"
        elif isinstance(node.value, str):
            expression = _EXPRESSION.fullmatch(node.value)
            inner = expression[1].strip() if expression else ""
            found = [one for one in _QUOTED.findall(inner) if network(one) is not None]
            yield from found or [inner or node.value]
        elif not isinstance(node.value, dict):
            yield str(node.value)

    def _resolved(self, node: Node, scope: Scope) -> Node:
        """What an expression stands for where the file says it; else the node itself."""
        expression = _EXPRESSION.fullmatch(node.value) if isinstance(node.value, str) else None
        dotted = _DOTTED.fullmatch(expression[1].strip()) if expression else None
        if dotted is None:
            return node
        parts = dotted[0].split(".")
        head = ".".join(parts[:2])
        found = scope.get(head) or self._known.get(head)
        for part in parts[2:]:
            found = members(found).get(part)
        return node if found is None else found

    def _turns(self, body: Node, iterator: str, outer: Scope) -> Iterator[Scope]:
        """One scope for each turn of ``for_each``; one without anything known where its values are not."""
        given = members(body).get("for_each")
        turns = self._resolved(given, outer) if given is not None else None
        pairs: list[tuple[Node, Node]] = []
        if turns is not None and isinstance(turns.value, dict):
            pairs = [(Node(key, value.mark), value) for key, value in turns.value.items()]
        elif turns is not None and isinstance(turns.value, list):
            pairs = [(one, one) for one in _flat(turns, 0)]
        if not pairs:
            yield outer
        for key, value in islice(pairs, min(_MOST_TURNS, self._turns_left)):
            self._turns_left -= 1
            yield {**outer, f"{iterator}.key": key, f"{iterator}.value": value}

    def _named(self, kind: str) -> Iterator[tuple[str, Node, KeyPath]]:
        for listed, path in blocks(self.tree, kind):
            for name, body_node in members(listed).items():
                for body, body_path in _listed(body_node, (*path, name)):
                    yield name, body, body_path


def members(node: Node | None) -> Mapping[str, Node]:
    """The members of a mapping; none where it is something else."""
    return node.value if node is not None and isinstance(node.value, dict) else {}


def blocks(node: Node | None, name: str, path: KeyPath = ()) -> Iterator[tuple[Node, KeyPath]]:
    """The blocks of a name: one mapping, or a list of them."""
    return _listed(members(node).get(name), (*path, name))


def _listed(node: Node | None, path: KeyPath) -> Iterator[tuple[Node, KeyPath]]:
    if node is not None and isinstance(node.value, list):
        for index, one in enumerate(node.value):
            yield one, (*path, index)
    elif node is not None:
        yield node, path


def _flat(node: Node, depth: int) -> Iterator[Node]:
    if isinstance(node.value, list) and depth < _DEEPEST:
        for one in node.value:
            yield from _flat(one, depth + 1)
    else:
        yield node
