"""Whom a change concerns: conditions over settings, as ``changes.json`` has them.

A condition is an object with one member. Paths are written with dots; ``*`` stands for every entry.

    {"set": PATH}, {"unset": PATH}     the settings say it, or do not
    {"is": [PATH, VALUE]}              what holds, said or by default, is this value
    {"above": [PATH, NUMBER]}          what holds is a greater number
    {"empty": PATH}                    it is said, and there is nothing in it
    {"type_not": [PATH, TYPE]}         it is said, and of another JSON type
    {"matches": [PATH, PATTERN]}       it is said, and the pattern is found in the text
    {"name_matches": [PATH, PATTERN]}  the pattern is found in the name of an entry
    {"plugin": NAME}                   the plugin is loaded or configured
    {"lua": [NAME]}                    a Lua script defines or calls one of them
    {"image": NAME}                    Orthanc runs in this image
    {"variable": NAME}                 the image is given this variable
    {"variables": "deprecated"}        the image is given one of those that are deprecated
    {"managed": BOOLEAN}               the settings are rendered by orthancgen
    {"target_below": VERSION}          the version to which one goes is older
    {"outside": WHOM}                  it concerns what no setting tells of, such as users of the REST API: never shown unasked
    {"all": [...]}, {"any": [...]}, {"not": CONDITION}
"""  # noqa: E501

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.foreign.image_tags import Image
from orthancgen.orthanc.keys import Version, keys_for, plugin_sections
from orthancgen.site.problems import KeyPath
from orthancgen.upgrade.images import deprecated_variables
from orthancgen.upgrade.subject import Subject, long_form, plugins_of

Found = tuple[KeyPath, ...] | None
"""The paths that make a condition hold; an empty tuple where it holds without any; None where it does not hold."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What conditions look at: the settings as the version to which one goes reads them, and its defaults."""

    subject: Subject
    version: Version
    settings: Mapping[str, Any]


def facts_of(subject: Subject, version: Version) -> Facts:
    """The facts of a subject on its way to a version."""
    return Facts(subject, version, long_form(subject.after))


def holds(condition: Mapping[str, Any] | None, facts: Facts) -> Found:
    """Whether a condition holds, and because of which settings; None as a condition always holds.

    Raises:
        ValueError: the condition has another form.
    """
    if condition is None:
        return ()
    if len(condition) != 1:
        msg = f"a condition has one member: {sorted(condition)}"
        raise ValueError(msg)
    ((name, operand),) = condition.items()
    if name not in _OPERATORS:
        msg = f"{name} is no condition"
        raise ValueError(msg)
    return _OPERATORS[name](facts, operand)


def operators() -> frozenset[str]:
    """The names of all forms."""
    return frozenset(_OPERATORS)


# --- values


def _said(facts: Facts, path: str) -> Iterator[tuple[KeyPath, Any]]:
    return _values(facts, path.split("."), facts.settings, "core", (), defaults=False)


def _effective(facts: Facts, path: str) -> Iterator[tuple[KeyPath, Any]]:
    return _values(facts, path.split("."), facts.settings, "core", (), defaults=True)


def _values(
    facts: Facts, parts: list[str], holder: Any, section: str | None, path: KeyPath, *, defaults: bool
) -> Iterator[tuple[KeyPath, Any]]:
    if not parts:
        yield path, holder
        return
    head, rest = parts[0], parts[1:]
    if not isinstance(holder, Mapping):
        return
    if head == "*":
        for name, entry in holder.items():
            yield from _values(facts, rest, entry, section, (*path, name), defaults=defaults)
    elif head in holder:
        below = _section_below(facts.version, section, head)
        yield from _values(facts, rest, holder[head], below, (*path, head), defaults=defaults)
    elif defaults and not rest and section is not None:
        key = keys_for(facts.version, section).get(head)
        if key is not None and key.default is not None:
            yield (*path, head), key.default


def _section_below(version: Version, section: str | None, name: str) -> str | None:
    if section is None:
        return None
    key = keys_for(version, section).get(name)
    if key is not None:
        return key.each or key.members or None
    return plugin_sections().get(name) if section == "core" else None


def _json_type(value: object) -> str:
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "list"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")


def _same(value: object, other: object) -> bool:
    return type(value) is type(other) and value == other


# --- the forms


def _found(paths: Iterable[KeyPath]) -> Found:
    return tuple(paths) or None


def _yes(holds_: bool) -> Found:
    return () if holds_ else None


def _is(facts: Facts, operand: list[Any]) -> Found:
    return _found(path for path, value in _effective(facts, operand[0]) if _same(value, operand[1]))


def _above(facts: Facts, operand: list[Any]) -> Found:
    return _found(
        path
        for path, value in _effective(facts, operand[0])
        if isinstance(value, int | float) and not isinstance(value, bool) and value > operand[1]
    )


def _type_not(facts: Facts, operand: list[str]) -> Found:
    return _found(path for path, value in _said(facts, operand[0]) if _json_type(value) != operand[1])


def _matches(facts: Facts, operand: list[str]) -> Found:
    pattern = re.compile(operand[1])
    return _found(path for path, v in _said(facts, operand[0]) if isinstance(v, str) and pattern.search(v))


def _name_matches(facts: Facts, operand: list[str]) -> Found:
    pattern = re.compile(operand[1])
    return _found(path for path, _ in _said(facts, f"{operand[0]}.*") if pattern.search(str(path[-1])))


def _all(facts: Facts, operand: list[Mapping[str, Any]]) -> Found:
    paths: list[KeyPath] = []
    for one in operand:
        found = holds(one, facts)
        if found is None:
            return None
        paths += found
    return tuple(dict.fromkeys(paths))


def _any(facts: Facts, operand: list[Mapping[str, Any]]) -> Found:
    every = [found for found in (holds(one, facts) for one in operand) if found is not None]
    return tuple(dict.fromkeys(path for found in every for path in found)) if every else None


_OPERATORS: Final[Mapping[str, Callable[[Facts, Any], Found]]] = {
    "set": lambda facts, path: _found(where for where, _ in _said(facts, path)),
    "unset": lambda facts, path: _yes(not any(True for _ in _said(facts, path))),
    "is": _is,
    "above": _above,
    "empty": lambda facts, path: _found(where for where, value in _said(facts, path) if value in ({}, [], "")),
    "type_not": _type_not,
    "matches": _matches,
    "name_matches": _name_matches,
    "plugin": lambda facts, name: _yes(name in plugins_of(facts.settings)),
    "lua": lambda facts, names: _yes(not facts.subject.lua.isdisjoint(names)),
    "image": lambda facts, name: _yes(Image.parse(facts.subject.image).name.removeprefix("docker.io/") == name),
    "variable": lambda facts, name: _yes(name in facts.subject.variables),
    "variables": lambda facts, _: _yes(not facts.subject.variables.isdisjoint(deprecated_variables())),
    "managed": lambda facts, wanted: _yes(facts.subject.managed is wanted),
    "target_below": lambda facts, text: _yes(facts.version < Version.parse(text)),
    "outside": lambda _facts, _whom: None,
    "all": _all,
    "any": _any,
    "not": lambda facts, one: _yes(holds(one, facts) is None),
}
