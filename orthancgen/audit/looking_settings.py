"""How the setting of an Orthanc is spoken of: what holds and by whom, and the edit that would change it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from orthancgen.audit.rule import SetValue
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.orthanc.keys import keys_for, plugin_sections
from orthancgen.site.problems import printable

_JSON = (".json", ".jsonc", ".js")


def serving_http(subject: Subject) -> Iterator[Orthanc]:
    """Every Orthanc whose HTTP server is on."""
    return (orthanc for orthanc in subject.orthancs if orthanc.flag("HttpServerEnabled"))


def serving_dicom(subject: Subject) -> Iterator[Orthanc]:
    """Every Orthanc whose DICOM server is on."""
    return (orthanc for orthanc in subject.orthancs if orthanc.flag("DicomServerEnabled"))


def holds(orthanc: Orthanc, key: str) -> str:
    """What holds for a setting, in words: ``WebDavEnabled is not set, and Orthanc 1.13.0 takes true``.

    For settings that are no secret.
    """
    if orthanc.is_set(key):
        return f"{key} is {_shown(orthanc.values[key])}"
    if key in orthanc.part.image_defaults:
        return f"{key} is not set, and the image sets it to {_shown(orthanc.part.image_defaults[key])}"
    return f"{key} is not set, and Orthanc {orthanc.version} takes {_shown(orthanc.get(key))}"


def _shown(value: Any) -> str:
    if value is None:
        return "its own choice"
    return printable(json.dumps(value, ensure_ascii=False, default=str), 60)


def number(orthanc: Orthanc, key: str) -> int | None:
    """A whole number that holds; None where there is none, or another type."""
    value = orthanc.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def set_to(subject: Subject, orthanc: Orthanc, key: str, value: object) -> SetValue | None:
    """The edit that sets a key of the top level; None where it is not a JSON file that says it, or would.

    An environment of ours is never edited in its bundle.
    """
    mark, _ = orthanc.place(key)
    file = mark.file
    if subject.plan is not None or not file.lower().endswith(_JSON):
        return None
    return SetValue(file, (key,), value)


def is_unknown(orthanc: Orthanc, path: tuple[str | int, ...]) -> bool:
    """Whether the last key of a path is none that the version, or a plugin, reads at that place."""
    section, plugins, skip = "core", plugin_sections(), False
    for part in path[:-1]:
        key = None if skip else keys_for(orthanc.version, section).get(str(part))
        if skip:
            skip = False
        elif key is not None:
            section, skip = key.each or key.members or "", bool(key.each)
        elif section == "core":
            section = plugins.get(str(part)) or ""
        if not section:
            return False
    name: Any = path[-1]
    if skip or not isinstance(name, str):
        return False
    return name not in keys_for(orthanc.version, section) and not (section == "core" and name in plugins)
