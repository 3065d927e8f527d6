"""What the table of keys says of two versions: keys that came and went, other types, other defaults, other values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.orthanc.keys import Key, Problem, Version, check_settings, keys_for, plugin_sections, sections
from orthancgen.site.problems import KeyPath, format_path
from orthancgen.upgrade.advice import Advice, Kind
from orthancgen.upgrade.key_words import (
    about,
    added_values,
    by_default,
    differences,
    gone_values,
    named,
    said,
    same,
    shown,
)
from orthancgen.upgrade.subject import Place, Subject, long_form

_TABLE: Final = "orthancgen's table of the keys"
_NOWHERE: Final = Place(None, ())


@dataclass(frozen=True, slots=True)
class Holder:
    """A part of the settings that a section of the table describes: the top level, or one modality."""

    section: str
    path: KeyPath
    content: Mapping[str, Any]


def key_advice(subject: Subject, old: Version, new: Version) -> Iterator[Advice]:
    """Everything that the table of keys tells of two versions, with what concerns the subject marked."""
    problems = tuple(_problems(subject, old, new))
    yield from problems
    yield from _woken(subject, old, new)
    broken = {one.id for one in problems}
    holders = tuple(holders_of(long_form(subject.after), new))
    for section in sections():
        here = tuple(one for one in holders if one.section == section)
        yield from (one for one in _changed(subject, section, here, old, new) if one.id not in broken)
        yield from _came_and_went(subject, section, old, new)
    if subject.managed:
        yield from _written_otherwise(subject, old, new)


def holders_of(settings: Mapping[str, Any], version: Version) -> Iterator[Holder]:
    """The settings and every part of them that a section of the table describes."""
    yield from _holders(settings, version, "core", ())


def _holders(content: Mapping[str, Any], version: Version, section: str, path: KeyPath) -> Iterator[Holder]:
    yield Holder(section, path, content)
    plugins = plugin_sections() if section == "core" else {}
    known = keys_for(version, section)
    for name, value in content.items():
        if not isinstance(value, Mapping):
            continue
        key = known.get(name)
        members = key.members if key is not None else plugins.get(name)
        if members:
            yield from _holders(value, version, members, (*path, name))
        elif key is not None and key.each:
            for entry_name, entry in value.items():
                if isinstance(entry, Mapping):
                    yield from _holders(entry, version, key.each, (*path, name, entry_name))


# --- what is said


def _problems(subject: Subject, old: Version, new: Version) -> Iterator[Advice]:
    """What the other version refuses or ignores, and the one that runs does not."""
    had = {problem.path for problem in _checked(subject.before, old)}
    for problem in _checked(subject.after, new):
        if problem.path not in had:
            name, place = format_path(problem.path), subject.place(problem.path)
            source, remedy = _source(problem, new), problem.hint or ""
            yield Advice(
                Kind.BREAKS, f"key:{name}", "orthanc", problem.message, source, remedy, path=place.path, mark=place.mark
            )


def _checked(settings: Mapping[str, Any], version: Version) -> tuple[Problem, ...]:
    own = [name for name in settings if isinstance(name, str) and name.startswith("OrthancGen")]
    return check_settings(settings, version, own_sections=own)


def _source(problem: Problem, version: Version) -> str:
    key = keys_for(version).get(str(problem.path[0])) if problem.path else None
    return key.source if key is not None and key.source else _TABLE


def _woken(subject: Subject, old: Version, new: Version) -> Iterator[Advice]:
    """Settings that the version that runs ignores and the other one obeys."""
    for holder in holders_of(subject.before, new):
        before, after = keys_for(old, holder.section), keys_for(new, holder.section)
        for name in holder.content:
            if name in after and name not in before:
                what = f"{named(after[name])} is set, which Orthanc {old} ignores and Orthanc {new} obeys"
                remedy = "see that its value is what you want, or remove it"
                yield _advice(Kind.MEANING, after[name], what, subject.place((*holder.path, name)), remedy)


# --- what the table says


def _changed(
    subject: Subject, section: str, holders: tuple[Holder, ...], old: Version, new: Version
) -> Iterator[Advice]:
    before = keys_for(old, section)
    for name, key in keys_for(new, section).items():
        was = before.get(name)
        what = differences(was, key) if was is not None else ""
        if was is None or not what:
            continue
        what += f". {key.note.rstrip('.')}" if key.note else ""
        other = not same(was.default, key.default) or was.type != key.type
        kind = Kind.MEANING if other or gone_values(was, key) else Kind.NEW
        saying = [one for one in holders if name in one.content]
        silent = [one for one in holders if name not in one.content]
        if saying and (other or added_values(was, key)):
            place = subject.place((*saying[0].path, name))
            held = f". {_holds(subject, key, saying[0])}" if other else ""
            yield _advice(kind, key, f"{what}{held}", place)
        if silent and other:
            keep = f"set it to {shown(was.default)}, if it shall stay as it was" if was.default is not None else ""
            yield _advice(kind, key, f"{what}. It is not set", _NOWHERE, keep)
        if not (saying or silent) or not (other or (saying and added_values(was, key))):
            yield _advice(kind, key, what, _NOWHERE, concerns=False)


def _holds(subject: Subject, key: Key, holder: Holder) -> str:
    value = holder.content[key.name]
    written = not holder.path and key.name in subject.before and not same(subject.before[key.name], value)
    if subject.managed and written:
        return f"orthancgen writes {said(key, value)} from now on"
    return f"What is set holds: {said(key, value)}"


def _came_and_went(subject: Subject, section: str, old: Version, new: Version) -> Iterator[Advice]:
    before, after = keys_for(old, section), keys_for(new, section)
    written = subject.managed and section == "core"
    for name, key in after.items():
        if name not in before and not (written and name in subject.after):
            what = f"{named(key)}, new in {key.since}: {about(key)}{by_default(key)}"
            yield _advice(Kind.NEW, key, what, _NOWHERE, concerns=False)
    for name, key in before.items():
        if name not in after and not (written and name in subject.before):
            what = f"Orthanc {new} has no {named(key)}: {about(key)}"
            yield _advice(Kind.LOST, key, what, _NOWHERE, key.instead, concerns=False)


def _written_otherwise(subject: Subject, old: Version, new: Version) -> Iterator[Advice]:
    """Keys of the top level that orthancgen writes for one of the versions alone."""
    before, after = keys_for(old), keys_for(new)
    for name, value in subject.after.items():
        if name not in subject.before and name in after:
            what = f"orthancgen writes {name} from now on, {said(after[name], value)}: {about(after[name])}"
            yield _advice(Kind.NEW, after[name], what, subject.place((name,)))
    for name in subject.before:
        if name in subject.after or name not in before:
            continue
        key, gone = before[name], name not in after
        why = f"which Orthanc {new} does not know" if gone else f"so that its default {shown(key.default)} holds"
        what = f"orthancgen writes {name} no longer, {why}: {about(key)}"
        yield _advice(Kind.LOST if gone else Kind.MEANING, key, what, subject.place((name,)), key.instead)


def _advice(kind: Kind, key: Key, what: str, place: Place, remedy: str = "", *, concerns: bool = True) -> Advice:
    name = f"key:{key.name}" if key.section == "core" else f"key:{key.section}.{key.name}"
    return Advice(kind, name, "orthanc", what, key.source, remedy, concerns, path=place.path, mark=place.mark)
