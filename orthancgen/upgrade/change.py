"""What Orthanc, its plugins and its images do otherwise from a version on, as data: ``changes.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from orthancgen.orthanc.keys import Version

_FILE: Final = Path(__file__).with_name("changes.json")

EffectKind = Literal["breaks", "meaning", "new", "lost"]
Certainty = Literal["read", "run"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one notices on the way into, or out of, the versions of a change.

    Attributes:
        kind: ``breaks``: something stops working; ``meaning``: it works otherwise; ``new``; ``lost``.
        what: continues the sentence that begins with the component and the version to which one goes.
        remedy: what to do, or "".
    """

    kind: EffectKind
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A behaviour that versions from ``since`` on have, up to ``until``, which is the first one without it.

    Attributes:
        component: ``orthanc``, ``index`` (by Orthanc's version), a plugin, or ``orthancteam`` (by the image's tag).
        series: changes of one series follow from each other: only the newest one is told. "" for none.
        keys: the keys of Orthanc that it is about.
        applies: whom it concerns, in the form of `condition`; None: everybody.
        entering: told on the way into these versions; None: nobody notices.
        leaving: told on the way out of them.
        certainty: ``read`` in the source, or seen when it was ``run``.
    """

    id: str
    component: str
    since: Version
    until: Version | None
    series: str
    keys: tuple[str, ...]
    applies: Mapping[str, Any] | None
    entering: Effect | None
    leaving: Effect | None
    source: str
    certainty: Certainty

    def holds_in(self, version: Version) -> bool:
        """Whether a version behaves so."""
        return self.since <= version and (self.until is None or version < self.until)

    def effect(self, old: Version, new: Version) -> Effect | None:
        """What one notices on the way from one version to another; None where both behave alike."""
        if self.holds_in(old) == self.holds_in(new):
            return None
        return self.entering if self.holds_in(new) else self.leaving


def changes() -> tuple[Change, ...]:
    """Every change of the list, in its order."""
    return _changes()


def releases() -> tuple[Version, ...]:
    """The releases of Orthanc between the oldest and the newest one that is known, ascending."""
    return _releases()


@cache
def _document() -> Mapping[str, Any]:
    document: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return document


@cache
def _changes() -> tuple[Change, ...]:
    return tuple(_read(entry) for entry in _document()["changes"])


@cache
def _releases() -> tuple[Version, ...]:
    return tuple(Version.parse(text) for text in _document()["releases"])


def _read(entry: Mapping[str, Any]) -> Change:
    return Change(
        id=entry["id"],
        component=entry["component"],
        since=Version.parse(entry["since"]),
        until=Version.parse(entry["until"]) if "until" in entry else None,
        series=entry.get("series", ""),
        keys=tuple(entry.get("keys", ())),
        applies=entry.get("applies"),
        entering=Effect(**entry["entering"]) if "entering" in entry else None,
        leaving=Effect(**entry["leaving"]) if "leaving" in entry else None,
        source=entry["source"],
        certainty=entry["certainty"],
    )
