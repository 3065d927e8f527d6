"""From a message of Orthanc's start to the key that it means, and to the line of the environment that says it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe.configuration import ORTHANC_FILE, bundle, on_disk
from orthancgen.site.problems import KeyPath, format_path, printable

_QUOTED: Final = re.compile(r"[\"']([^\"'\n]{1,100})[\"']")
_LINE: Final = re.compile(r"\* Line (\d{1,6}), Column (\d{1,6})")
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Culprit:
    """The key of Orthanc's configuration that a message means.

    Attributes:
        key: its path in orthanc.json.
        place: `file:line:column` of the environment's file; None where it says nothing of it.
        model: the key path of the environment that decides it.
    """

    key: KeyPath
    place: str | None
    model: str


def culprit(case: Case, message: str) -> Culprit | None:
    """The key that a message of Orthanc's start means; None where none is named in it."""
    content = on_disk(case, ORTHANC_FILE)
    if content is None and (wanted := bundle(case)) is not None:
        content = wanted.file(ORTHANC_FILE).content
    try:
        document = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return None
    for word in _QUOTED.findall(message[:2000]):
        for path in _paths(document):
            if path and path[-1] == word:
                return _placed(case, path)
    return None


def _paths(document: Any) -> Iterator[KeyPath]:
    """Every key path of a document, the upper ones first; without recursion."""
    waiting: list[tuple[KeyPath, Any]] = [((), document)]
    for path, value in waiting:
        yield path
        if isinstance(value, dict) and len(path) < 8:  # no key of Orthanc lies deeper
            waiting.extend(((*path, str(key)), inner) for key, inner in value.items())


def _placed(case: Case, path: KeyPath) -> Culprit:
    from orthancgen.access.settings import Settings

    model = Settings(case.loaded, case.site).of_orthanc(tuple(str(part) for part in path)).path
    tree = case.loaded.tree
    node, depth = tree.find(model) if tree else (None, 0)
    wanted = bundle(case)
    ours = json.loads(wanted.file(ORTHANC_FILE).content) if wanted else {}
    for part in path:
        ours = ours.get(part, _ABSENT) if isinstance(ours, dict) else _ABSENT
    if node is None or ours is _ABSENT or depth == 0:
        return Culprit(path, None, format_path(model))
    mark = node.key_mark or node.mark
    return Culprit(path, f"{printable(mark.file, 4096)}:{mark.line}:{mark.column}", format_path(model))


def json_place(message: str) -> tuple[int, int] | None:
    """Line and column that Orthanc's reader of JSON names."""
    match = _LINE.search(message[:2000])
    return (int(match[1]), int(match[2])) if match else None
