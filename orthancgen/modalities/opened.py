"""An environment that is to be edited: its own file to the byte, what it extends, and the two as one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from orthancgen.errors import InputError
from orthancgen.site.load import AskInstalled, Loaded, display_name, load, merge, validate
from orthancgen.site.masking import may_be_secret
from orthancgen.site.problems import Mark, Problem
from orthancgen.site.tree import MAXIMUM_BYTES, Node, parse

BOM: Final = "\ufeff"
"""Byte order mark: some editors of Windows begin a file with it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An environment as it is, ready to be edited.

    Attributes:
        path: its file.
        text: of the file, to the byte, without a byte order mark.
        bom: the file begins with one.
        tree: of the file alone; what it extends is not in it.
        base: of the files that it extends, merged; None where it extends none.
        loaded: the whole, as `validate` reads it.
    """

    path: Path
    text: str = field(repr=False)
    bom: bool
    tree: Node = field(repr=False)
    base: Node | None = field(repr=False)
    loaded: Loaded = field(repr=False)

    @property
    def modalities(self) -> dict[str, Any]:
        """Name -> plain entry, merged; as they are written, valid or not."""
        return modalities_of(merged(self.base, self.tree))

    def inherited(self, name: str) -> bool:
        """Whether a file that this one extends has the modality."""
        return self.base is not None and name in modalities_of(self.base)

    def place(self, name: str) -> Mark | None:
        """Where the modality is defined: in the environment's own file, where it stands in both."""
        found, depth = merged(self.base, self.tree).find(("modalities", name))
        return found.key_mark or found.mark if depth == 2 else None

    def base_place(self, name: str) -> Mark | None:
        """Where a file that this one extends defines the modality."""
        found, depth = self.base.find(("modalities", name)) if self.base else (self.tree, 0)
        return found.key_mark or found.mark if depth == 2 else None


def open_environment(path: Path, ask_installed: AskInstalled | None = None) -> Opened:
    """Read an environment that is to be edited; it need not be valid, but readable.

    Raises:
        InputError: a file of it cannot be read, or is no YAML; carries every problem.
    """
    loaded = load(path, ask_installed)
    try:
        with path.open("rb") as file:
            content = file.read(4 * MAXIMUM_BYTES + 1)
        whole = content.decode("utf-8")
    except (OSError, ValueError):  # load has said so
        loaded.require()
        raise InputError(f"{display_name(path)} was changed meanwhile", hint="run it again") from None
    text = whole.removeprefix(BOM)
    tree, problems = parse(text, display_name(path), may_be_secret)
    base = _base(path, tree) if tree is not None and isinstance(tree.value, dict) else None
    unreadable = tree is None or not isinstance(tree.value, dict) or problems or (base and base.problems)
    if tree is None or unreadable or not (_has_entries(tree) and (base is None or _has_entries(base.tree))):
        loaded.require()
        raise InputError(f"{display_name(path)} cannot be read", problems=tuple(problems))
    return Opened(path, text, whole != text, tree, base.tree if base else None, loaded)


def _has_entries(tree: Node | None) -> bool:
    """Whether the modalities, if there are any, are sections; else no key of one can be looked at."""
    section = tree.value.get("modalities") if tree is not None else None
    if section is None or section.value is None:
        return True
    return isinstance(section.value, dict) and all(
        one.value is None or isinstance(one.value, dict) for one in section.value.values()
    )


@dataclass(frozen=True, slots=True)
class _Base:
    tree: Node | None
    problems: tuple[Problem, ...]


def _base(path: Path, tree: Node) -> _Base | None:
    """What an environment extends, with what is wrong with how it is written; it need not be valid by itself."""
    extends = tree.value.get("extends")
    if extends is None or not isinstance(extends.value, str):
        return None
    try:
        found = load(path.parent / extends.value)
    except ValueError:
        return None
    unreadable = found.problems
    if found.tree is not None:
        judged = set(validate(found.tree)[2])
        unreadable = tuple(one for one in found.problems if one not in judged)
    return _Base(found.tree, unreadable)


def merged(base: Node | None, tree: Node) -> Node:
    """An own file over what it extends, as `site.load` merges them."""
    own = Node({key: node for key, node in tree.value.items() if key != "extends"}, tree.mark, tree.key_mark)
    return _without_nothing(own if base is None else merge(base, own))


def _without_nothing(node: Node) -> Node:
    """The tree without keys that have no value: they stand for the default."""
    if isinstance(node.value, dict):
        kept = {key: _without_nothing(child) for key, child in node.value.items() if child.value is not None}
        return Node(kept, node.mark, node.key_mark)
    return node


def modalities_of(tree: Node) -> dict[str, Any]:
    """Name -> plain entry; empty where the tree has no such section."""
    found, depth = tree.find(("modalities",))
    return found.plain() if depth == 1 and isinstance(found.value, dict) else {}
