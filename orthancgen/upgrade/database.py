"""MongoDB beside Orthanc: its vulnerabilities, and through which major versions an upgrade goes (``mongo.json``)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from orthancgen.foreign.image_tags import Image
from orthancgen.orthanc.keys import Version
from orthancgen.orthanc.vulnerabilities import Vulnerability, known
from orthancgen.upgrade.advice import Advice, Kind, Step
from orthancgen.upgrade.subject import Subject

_FILE: Final = Path(__file__).with_name("mongo.json")
_TAG: Final = re.compile(r"([0-9]+\.[0-9]+\.[0-9]+)(?:-.*)?")


@dataclass(frozen=True, slots=True)
class Series:
    """A major version of MongoDB: ``8.0``."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def mongo_version(image: str) -> str:
    """The version of MongoDB that an image brings, by its tag (mongo:8.0.17); "" where it does not tell."""
    named = Image.parse(image)
    if named.name.rpartition("/")[2] not in {"mongo", "mongodb-community-server"}:
        return ""
    matched = _TAG.fullmatch(named.tag)
    return matched[1] if matched else ""


def database_advice(subject: Subject) -> Iterator[Advice]:
    """Vulnerabilities of the database, and what a change of its version means."""
    if not subject.database:
        return
    old, new = Version.parse(subject.database), Version.parse(subject.database_after or subject.database)
    place = subject.place(("mongo",))
    had, has = known("mongo", old), known("mongo", new)
    for one in dict.fromkeys((*had, *has)):
        kind = Kind.FIXED if one not in has else Kind.OPEN if one in had else Kind.RETURNS
        version = old if kind is Kind.FIXED else new
        yield Advice(
            kind,
            one.id,
            "mongo",
            f"MongoDB {version}: {one.what}" + (f" ({one.note})" if one.note else ""),
            one.source,
            "" if kind is Kind.FIXED else _fix(one, new),
            path=place.path,
            mark=place.mark,
            severity=one.severity,
            certainty=one.certainty,
        )
    if old != new:
        yield from _way(old, new, subject)


def database_steps(image: str, old: str, new: str) -> tuple[Step, ...]:
    """What to do between two versions of MongoDB, in order.

    Args:
        image: the image of the database.
        old: the version that runs.
        new: the version to which one goes.
    """
    way = _between(Version.parse(old), Version.parse(new))
    name = Image.parse(image).name
    steps: list[Step] = []
    for here, there in pairwise(way):
        tag = new if there == way[-1] else f"the newest {there}"
        steps.append(Step(f"MongoDB {here}: see that its featureCompatibilityVersion is {here}", _ask()))
        steps.append(Step(f"write images.mongo: {name}:{tag}, and deploy"))
        steps.append(Step(f"MongoDB {there}: once it has run well for some days", _raise(there)))
    same = old.rpartition(".")[0] == new.rpartition(".")[0]
    return (Step(f"write images.mongo: {name}:{new}, in place of {image}"),) if same else tuple(steps)


def _fix(one: Vulnerability, version: Version) -> str:
    fixed = one.fix_for(version)
    return f"MongoDB {fixed} or newer is without it" if fixed else "no release without it is known"


def _way(old: Version, new: Version, subject: Subject) -> Iterator[Advice]:
    here, there = Series(old.major, old.minor), Series(new.major, new.minor)
    place = subject.place(("mongo",))

    def told(kind: Kind, id_: str, what: str, remedy: str, source: str) -> Advice:
        return Advice(kind, id_, "mongo", what, _document()[source], remedy, path=place.path, mark=place.mark)

    if here == there:
        return
    if new < old and old >= Version.parse(_document()["no_way_back_since"]):
        what = f"MongoDB supports no way back from {old} to {new} with the same files"
        remedy = "restore a backup into an empty database"
        yield told(Kind.BREAKS, "mongo-no-way-back", what, remedy, "downgrade_source")
        return
    way = _between(old, new)
    if not way:
        what = (
            f"no way from MongoDB {here} to {there} is known: it is between {', '.join(map(str, _series()))}, upwards"
        )
        yield told(Kind.BREAKS, "mongo-unknown-way", what, "read MongoDB's own procedure", "upgrade_source")
        return
    if len(way) > 2:
        what = f"MongoDB {there} does not open the files of {here}: one goes through {', '.join(map(str, way[1:-1]))}"
        remedy = "take one step after the other, each with a deploy"
        yield told(Kind.BREAKS, "mongo-step-by-step", what, remedy, "upgrade_source")
    what = f"MongoDB {there} keeps the features of {way[-2]} until its featureCompatibilityVersion is raised, one way"
    yield told(Kind.MEANING, "mongo-features", what, "raise it when a way back is no longer wanted", "features_source")


def _between(old: Version, new: Version) -> tuple[Series, ...]:
    """The series from one version to a newer one, both included; nothing where they are the same or not known."""
    steps = _series()
    here, there = Series(old.major, old.minor), Series(new.major, new.minor)
    if here == there or here not in steps or there not in steps or new < old:
        return ()
    return steps[steps.index(here) : steps.index(there) + 1]


def _ask() -> str:
    return "db.adminCommand({getParameter: 1, featureCompatibilityVersion: 1})"


def _raise(series: Series) -> str:
    confirm = Version.parse(_document()["confirm_since"]) <= Version(series.major, series.minor)
    return f'db.adminCommand({{setFeatureCompatibilityVersion: "{series}"{", confirm: true" if confirm else ""}}})'


@cache
def _document() -> Mapping[str, Any]:
    document: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return document


@cache
def _series() -> tuple[Series, ...]:
    return tuple(Series(*map(int, text.split("."))) for text in _document()["series"])
