"""The report on a change of version: pure, from settings and two versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from orthancgen.orthanc.index import can_open, newest_schema
from orthancgen.orthanc.keys import Version
from orthancgen.orthanc.vulnerabilities import Vulnerability, known, static_dcmtk
from orthancgen.upgrade.advice import Advice, Index, Kind, Report
from orthancgen.upgrade.change import Change, Effect, changes
from orthancgen.upgrade.condition import Facts, facts_of, holds
from orthancgen.upgrade.database import database_advice
from orthancgen.upgrade.images import Bounds, bounds_of, is_official, team_tag
from orthancgen.upgrade.key_changes import key_advice
from orthancgen.upgrade.subject import Place, Subject

_NAMES: Final = {"orthanc": "Orthanc ", "index": "Orthanc ", "orthancteam": "the image orthancteam/orthanc:"}
_FIRST: Final = Version(0, 0, 0)
_ORDER: Final = tuple(Kind)
_SEVERITIES: Final = ("critical", "high", "medium", "low", "")


def advise(subject: Subject, old: Version, new: Version, further: Iterable[Advice] = ()) -> Report:
    """What a change of Orthanc's version means for a subject.

    Args:
        subject: what would be upgraded.
        old: the version of Orthanc that runs.
        new: the version to which one goes; older, newer or the same.
        further: what somebody else found, to be told with the rest.
    """
    facts = facts_of(subject, new)
    found = [
        *further,
        *(key_advice(subject, old, new) if old != new else ()),
        *_behaviour(facts, old),
        *_vulnerable(subject, old, new),
        *database_advice(subject),
    ]
    unique = dict.fromkeys(found)
    ordered = sorted(unique, key=lambda one: (_ORDER.index(one.kind), _SEVERITIES.index(one.severity)))
    return Report(subject.name, old, new, tuple(ordered), _index(subject, old, new))


def _behaviour(facts: Facts, old: Version) -> Iterator[Advice]:
    told: dict[str, Advice] = {}
    for change in sorted(changes(), key=lambda one: one.since if one.series else _FIRST):
        before, after = _bounds(change, facts.subject, old, facts.version)
        certain = _certain(before, after)
        effect = change.effect(*certain) if certain else None
        if effect is not None:
            told[change.series or change.id] = _told(change, effect, after, facts)
    yield from told.values()


def _bounds(change: Change, subject: Subject, old: Version, new: Version) -> tuple[Bounds, Bounds]:
    """Between which versions of a change's component the two versions are."""
    if change.component in {"orthanc", "index"}:
        return Bounds(old, old), Bounds(new, new)
    if change.component == "orthancteam":
        before, after = team_tag(subject.image), team_tag(subject.image_after)
        return Bounds(before, before), Bounds(after, after)
    return bounds_of(subject.image, change.component), bounds_of(subject.image_after, change.component)


def _certain(before: Bounds, after: Bounds) -> tuple[Version, Version] | None:
    """The two versions that are nearest to each other: what is otherwise between them is so in any case."""
    for old, new, upwards in ((before.newest, after.oldest, True), (before.oldest, after.newest, False)):
        if old is not None and new is not None and (old < new if upwards else new < old):
            return old, new
    return None


def _told(change: Change, effect: Effect, target: Bounds, facts: Facts) -> Advice:
    found = holds(change.applies, facts)
    place = facts.subject.place(found[0]) if found else Place(None, ())
    name = _NAMES.get(change.component, f"{change.component} ")
    return Advice(
        Kind(effect.kind),
        change.id,
        change.component,
        f"{name}{target} {effect.what}",
        change.source,
        effect.remedy,
        found is not None,
        str(change.applies.get("outside", "")) if change.applies else "",
        place.path,
        place.mark,
        certainty=change.certainty,
    )


# --- vulnerabilities


def _vulnerable(subject: Subject, old: Version, new: Version) -> Iterator[Advice]:
    yield from compared("orthanc", "Orthanc", old, new, stays=True)
    if is_official(subject.image) and is_official(subject.image_after):
        before, after = static_dcmtk(old), static_dcmtk(new)
        if before is not None and after is not None:
            yield from compared("dcmtk", "DCMTK in the image's Orthanc,", before, after, stays=False)
    explorers = [bounds_of(image, "orthanc-explorer-2").exactly for image in (subject.image, subject.image_after)]
    if not subject.managed and explorers[0] is not None and explorers[1] is not None:
        yield from compared("orthanc-explorer-2", "Orthanc Explorer 2", explorers[0], explorers[1], stays=True)


def compared(component: str, name: str, old: Version, new: Version, *, stays: bool) -> Iterator[Advice]:
    """The vulnerabilities that one of two versions has.

    Args:
        component: as `orthancgen.orthanc.vulnerabilities` calls it.
        name: as the report calls it.
        old: the version that runs.
        new: the version to which one goes.
        stays: whether to tell those that both have.
    """
    had, has = known(component, old), known(component, new)
    for one in had:
        if one not in has:
            yield _vulnerability(Kind.FIXED, one, f"{name} {old}: {one.what}", "")
        elif stays:
            yield _vulnerability(Kind.OPEN, one, f"{name} {new}: {one.what}", _fix(one, new))
    for one in has:
        if one not in had:
            yield _vulnerability(Kind.RETURNS, one, f"{name} {new}: {one.what}", _fix(one, new))


def _fix(one: Vulnerability, version: Version) -> str:
    fixed = one.fix_for(version)
    return f"{fixed} or newer is without it" if fixed else "no release without it is known"


def _vulnerability(kind: Kind, one: Vulnerability, what: str, remedy: str) -> Advice:
    told = f"{what} ({one.note})" if one.note else what
    return Advice(kind, one.id, one.component, told, one.source, remedy, severity=one.severity, certainty=one.certainty)


# --- the index


def _index(subject: Subject, old: Version, new: Version) -> Index:
    """What becomes of the index; the way back is what the same change of version means the other way round."""
    older, newer = min(old, new), max(old, new)
    backwards = facts_of(subject, older)
    reasons = [
        told.what
        for told in _behaviour(backwards, newer)
        if told.component == "index" and told.kind is Kind.BREAKS and told.concerns
    ]
    if not can_open(older, newer, None):
        reasons.insert(0, f"Orthanc {older} does not open schema {newest_schema(newer)}")
    return Index(newest_schema(old), newest_schema(new), old <= new or not reasons, tuple(reasons))
