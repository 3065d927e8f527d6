from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from orthancgen.orthanc.keys import SUPPORTED, Version, keys_for, plugin_sections
from orthancgen.upgrade.change import Change, Effect, changes, releases
from orthancgen.upgrade.condition import facts_of, holds, operators
from orthancgen.upgrade.subject import of_settings

WITH_PATHS = {"set", "unset", "is", "above", "empty", "type_not", "matches", "name_matches"}
COMPONENTS = {"orthanc", "index", "orthanc-dicomweb", "orthanc-postgresql", "orthancteam"}


def conditions(one: Mapping[str, Any] | None) -> Iterator[tuple[str, Any]]:
    for name, operand in (one or {}).items():
        yield name, operand
        for inner in operand if name in {"all", "any"} else [operand] if name == "not" else []:
            yield from conditions(inner)


def effects(change: Change) -> list[Effect]:
    return [effect for effect in (change.entering, change.leaving) if effect is not None]


def test_each_change_is_whole() -> None:
    every = changes()
    assert len({one.id for one in every}) == len(every) >= 60
    for one in every:
        assert re.fullmatch(r"[a-z0-9]+(?:[-.][a-z0-9]+)*", one.id), one.id
        assert one.component in COMPONENTS, one.id
        assert one.source.startswith(("https://", "seen by running")), one.id
        assert one.certainty in {"read", "run"}, one.id
        assert effects(one), one.id
        assert one.until is None or one.since < one.until, one.id
        for effect in effects(one):
            assert effect.kind in {"breaks", "meaning", "new", "lost"}, one.id
            assert not effect.what.endswith(".") or effect.what.endswith("..."), one.id
            assert not effect.remedy.endswith(".") or effect.remedy.endswith("..."), one.id


def test_releases_hold_what_is_supported_and_what_changes() -> None:
    assert list(releases()) == sorted(releases())
    assert set(SUPPORTED) <= set(releases())
    assert releases()[-1] == SUPPORTED[-1]
    for one in changes():
        if one.component in {"orthanc", "index"}:
            assert {one.since, *([one.until] if one.until else [])} <= set(releases()), one.id


def test_each_key_that_is_named_is_in_the_table_of_keys() -> None:
    known = {*(name for version in SUPPORTED for name in keys_for(version)), *plugin_sections()}
    for one in changes():
        assert set(one.keys) <= known, one.id
        for name, operand in conditions(one.applies):
            if name in WITH_PATHS:
                path = operand if isinstance(operand, str) else operand[0]
                assert path.split(".")[0] in known, (one.id, path)


def test_each_condition_can_be_told_and_each_form_is_used() -> None:
    facts = facts_of(of_settings("x", {}), SUPPORTED[-1])
    used = set()
    for one in changes():
        used |= {name for name, _ in conditions(one.applies)}
        holds(one.applies, facts)
    assert used == operators()


@pytest.mark.parametrize("condition", [{"nonsense": 1}, {}, {"set": "Name", "unset": "Name"}])
def test_another_form_is_a_fault(condition: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="condition"):
        holds(condition, facts_of(of_settings("x", {}), SUPPORTED[-1]))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("1.12.4", "1.12.5", "entering"),
        ("1.12.5", "1.12.4", "leaving"),
        ("1.12.10", "1.12.11", "leaving"),
        ("1.12.11", "1.12.10", "entering"),
        ("1.10.1", "1.13.0", None),
        ("1.12.5", "1.12.10", None),
        ("1.10.1", "1.12.7", "entering"),
    ],
)
def test_a_behaviour_of_some_versions_is_told_on_the_way_in_and_out(old: str, new: str, told: str | None) -> None:
    change = next(one for one in changes() if one.id == "find-limits-not-applied")
    effect = change.effect(Version.parse(old), Version.parse(new))
    assert effect == (getattr(change, told) if told else None)
