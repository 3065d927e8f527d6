"""What is known of the image orthancteam/orthanc: how it names variables, its plugins, what it adds by itself.

The facts are in orthancteam.json with their sources; the rule of the names is that of docker/orthanc/configurator.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from orthancgen.orthanc.keys import Key, Version, keys_for, plugin_sections
from orthancgen.site.problems import KeyPath

PREFIX: Final = "ORTHANC__"
_WORD = re.compile(r"[A-Z]?[^A-Z]*")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin that the image brings: its section, the variable that switches it on, and what it adds then."""

    section: str
    variable: str
    former: str = ""
    key: str = ""
    always: bool = False
    variable_needed: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the image: names that follow no rule, former ones, its plugins and its defaults."""

    names: Mapping[str, str]
    former_names: Mapping[str, str]
    plugins: tuple[Plugin, ...]
    defaults: Mapping[str, Any]
    other: frozenset[str]


@cache
def facts() -> Facts:
    """The facts of orthancteam.json."""
    data = json.loads(Path(__file__).with_name("orthancteam.json").read_text(encoding="utf-8"))
    plugins = tuple(Plugin(**row) for row in data["plugins"])
    return Facts(data["names"], data["former_names"], plugins, data["defaults"], frozenset(data["other"]))


def key_path(name: str) -> KeyPath | None:
    """The keys that the image makes of a variable's name; None where it makes none, or ends on it.

    >>> key_path("ORTHANC__DICOM_WEB__ROOT")
    ('DicomWeb', 'Root')
    """
    known = facts()
    if name in known.names or name in known.former_names:
        return tuple((known.names.get(name) or known.former_names[name]).split("."))
    if not name.startswith(PREFIX):
        return None
    sections = name[len(PREFIX) :].split("__")
    words = [section.split("_") for section in sections]
    if any(not word for section in words for word in section):
        return None
    return tuple("".join(word[0] + word.lower()[1:] for word in section) for section in words)


def variable_of(path: KeyPath) -> str:
    """The variable that sets a key: ``ORTHANC__DICOM_WEB__ROOT`` of ``("DicomWeb", "Root")``."""
    dotted = ".".join(str(part) for part in path)
    for name, known in facts().names.items():
        if known == dotted and name.startswith(PREFIX):
            return name
    parts = ["_".join(word for word in _WORD.findall(str(part)) if word).upper() for part in path]
    return PREFIX + "__".join(parts)


def key_of(path: KeyPath, version: Version) -> Key | None:
    """The key of Orthanc at a path of one or two parts, where it is known."""
    first = str(path[0])
    key = keys_for(version).get(first)
    if len(path) == 1:
        return key
    section = plugin_sections().get(first) or (key.members if key is not None else "")
    return keys_for(version, section).get(str(path[1])) if section and len(path) == 2 else None


def is_known(path: KeyPath, version: Version) -> bool:
    """Whether Orthanc, or a plugin of it, knows the key at a path."""
    first = str(path[0])
    key = keys_for(version).get(first)
    plugins = plugin_sections()
    if key is None and first not in plugins:
        return False
    if len(path) == 1:
        return True
    if key is not None and key.each:
        return False  # names of modalities and peers, which the rule cannot write
    if first == "RegisteredUsers":
        return False
    section = plugins.get(first) or (key.members if key is not None else "")
    return not section or str(path[1]) in keys_for(version, section)


@cache
def by_letters(version: Version) -> Mapping[str, KeyPath]:
    """The letters of each known key in upper case, with those of its section before it."""
    return {"".join(str(part) for part in path).upper(): path for path in _known_paths(version)}


def _known_paths(version: Version) -> Iterator[KeyPath]:
    for first, section in plugin_sections().items():
        if section:
            yield from ((first, name) for name in keys_for(version, section))
        yield (first,)
    for name, key in keys_for(version).items():
        if key.members:
            yield from ((name, member) for member in keys_for(version, key.members))
        yield (name,)
