"""What the table of keys says of two versions is said of each environment that sets a key or relies on its default."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import pytest

from orthancgen.orthanc.keys import SUPPORTED, Key, Version, check_settings, keys_for, sections
from orthancgen.upgrade.advice import Advice, Kind
from orthancgen.upgrade.advise import advise
from orthancgen.upgrade.change import releases
from orthancgen.upgrade.key_words import said
from orthancgen.upgrade.subject import of_settings

V = Version.parse
NEIGHBOURS = [*pairwise(releases()), *pairwise(reversed(releases()))]
PAIRS = [*NEIGHBOURS, *permutations(SUPPORTED, 2)]
WITHIN: dict[str, dict[str, Any]] = {
    "modality": {"DicomModalities": {"ct": {"AET": "CT", "Host": "10.0.0.1", "Port": 104}}},
    "warnings": {"Warnings": {}},
}
"""Settings with a part that a section describes; other sections do not differ, as the test below makes sure."""
SAMPLES = {"boolean": True, "integer": 5, "number": 1.5, "string": "x", "list": ["x"], "object": {}}

WORDS = (
    'OverwriteInstances takes a text or true or false, no longer true or false, can be "Never" or "Always" or '
    '"IfChanged", is "Never" by default, no longer false. '
    "A boolean before 1.13.0, where a string stops the start"
)


def differing(old: Version, new: Version) -> list[tuple[Key, Key]]:
    pairs = []
    for section in sections():
        before, after = keys_for(old, section), keys_for(new, section)
        pairs += [(before[name], key) for name, key in after.items() if name in before]
    return [(was, key) for was, key in pairs if (was.type, was.default) != (key.type, key.default)]


def told(settings: dict[str, Any], old: Version, new: Version) -> list[Advice]:
    return list(advise(of_settings("x", settings), old, new).concerning)


def names(key: Key) -> str:
    return f"key:{key.name}" if key.section == "core" else f"key:{key.section}.{key.name}"


def with_key(key: Key, value: Any) -> dict[str, Any]:
    if key.section == "core":
        return {key.name: value}
    ((outer, content),) = WITHIN[key.section].items()
    inner = content.get("ct", content)
    return {outer: {"ct": {**inner, key.name: value}} if "ct" in content else {**inner, key.name: value}}


def test_each_key_whose_type_or_default_differs_is_told() -> None:
    seen = set()
    for old, new in PAIRS:
        for was, key in differing(old, new):
            seen.add(key.name)
            relying = told(WITHIN.get(key.section, {}), old, new)
            assert names(key) in {one.id for one in relying}, (key.name, old, new)
            for value in (*key.values, *(SAMPLES[kind] for kind in key.type), *(SAMPLES[kind] for kind in was.type)):
                using = told(with_key(key, value), old, new)
                assert names(key) in {one.id for one in using}, (key.name, value, old, new)
    assert seen == {"OverwriteInstances", "HttpCompressionEnabled", "DeidentifyLogsDicomVersion"}


def test_each_key_that_came_is_told_where_everything_is() -> None:
    for old, new in PAIRS:
        every = advise(of_settings("x", {}), old, new).advice
        ids = {(one.kind, one.id) for one in every}
        for section in sections():
            before, after = keys_for(old, section), keys_for(new, section)
            for name in after.keys() - before.keys():
                assert (Kind.NEW, names(after[name])) in ids, (name, old, new)
            for name in before.keys() - after.keys():
                assert (Kind.LOST, names(before[name])) in ids, (name, old, new)


def test_each_key_that_the_other_version_ignores_breaks() -> None:
    for old, new in PAIRS:
        before, after = keys_for(old), keys_for(new)
        for name in before.keys() - after.keys():
            value = before[name].default if before[name].default is not None else SAMPLES[before[name].type[0]]
            settings = {name: value}
            if not check_settings(settings, old):
                found = [one for one in told(settings, old, new) if one.id == names(before[name])]
                assert [one.kind for one in found] == [Kind.BREAKS], (name, old, new)


@pytest.mark.parametrize(
    ("settings", "old", "new", "kind", "id_", "what"),
    [
        (
            {}, "1.12.1", "1.12.2", Kind.MEANING, "key:HttpCompressionEnabled",
            "HttpCompressionEnabled is false by default, no longer true. It is not set",
        ),
        (
            {"HttpCompressionEnabled": True}, "1.12.1", "1.12.2", Kind.MEANING, "key:HttpCompressionEnabled",
            "HttpCompressionEnabled is false by default, no longer true. What is set holds: true",
        ),
        (
            {"OverwriteInstances": True}, "1.12.11", "1.13.0", Kind.MEANING, "key:OverwriteInstances",
            f"{WORDS}. What is set holds: true",
        ),
        (
            {"OverwriteInstances": "IfChanged"}, "1.13.0", "1.12.11", Kind.BREAKS, "key:OverwriteInstances",
            'OverwriteInstances must be true or false, not the text "IfChanged"',
        ),
        (
            {"HttpBindAddresses": ["127.0.0.1"]}, "1.12.10", "1.12.9", Kind.BREAKS, "key:HttpBindAddresses",
            "HttpBindAddresses is not in Orthanc 1.12.9: it is new in 1.12.10",
        ),
        (
            {"RejectedSopClasses": []}, "1.12.7", "1.12.8", Kind.MEANING, "key:RejectedSopClasses",
            "RejectedSopClasses is set, which Orthanc 1.12.7 ignores and Orthanc 1.12.8 obeys",
        ),
        (
            {"Warnings": {"W003_DecoderFailure": False}}, "1.12.4", "1.12.5", Kind.MEANING,
            "key:warnings.W003_DecoderFailure",
            "W003_DecoderFailure of warnings is set, which Orthanc 1.12.4 ignores and Orthanc 1.12.5 obeys",
        ),
        (
            {"DicomModalities": {"ct": ["CT", "10.0.0.1", 104, "SiemensSyngoCT"]}}, "1.13.0", "1.12.11", Kind.BREAKS,
            "key:DicomModalities.ct[3]", 'Manufacturer cannot be the text "SiemensSyngoCT"',
        ),
        (
            {"DicomModalities": {"ct": ["CT", "10.0.0.1", 104, "GE"]}}, "1.12.11", "1.13.0", Kind.NEW,
            "key:modality.Manufacturer", 'Manufacturer of modality can be "SiemensSyngoCT"',
        ),
    ],
)  # fmt: skip
def test_the_words(settings: dict[str, Any], old: str, new: str, kind: Kind, id_: str, what: str) -> None:
    found = [one for one in told(settings, V(old), V(new)) if one.id == id_]
    assert [(one.kind, one.what) for one in found][:1] == [(kind, what)]


def test_a_problem_of_both_versions_is_not_news() -> None:
    settings = {"DicomCheckCallingAet": True, "StableAge": "60"}
    assert [one.id for one in told(settings, V("1.12.11"), V("1.13.0")) if one.kind is Kind.BREAKS] == []


def test_the_same_version_has_no_news() -> None:
    assert told({"OverwriteInstances": "Never"}, V("1.13.0"), V("1.13.0")) == []


def test_what_breaks_is_told_once() -> None:
    found = told({"OverwriteInstances": "IfChanged"}, V("1.13.0"), V("1.12.11"))
    assert [one.kind for one in found if one.id == "key:OverwriteInstances"] == [Kind.BREAKS]


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("StableAge", 60, "60"),
        ("OverwriteInstances", "Never", '"Never"'),
        ("OverwriteInstances", "other", "[set]"),
        ("HttpBindAddresses", ["127.0.0.1"], '["127.0.0.1"]'),
        ("HttpProxy", "http://user:password@proxy/", "[set]"),
        ("DicomModalities", {"a": 1}, "[set]"),
        ("RegisteredUsers", 12345678, "[set]"),
    ],
)
def test_values_that_may_be_secret_are_not_shown(name: str, value: Any, shown: str) -> None:
    assert said(keys_for(V("1.13.0"))[name], value) == shown
