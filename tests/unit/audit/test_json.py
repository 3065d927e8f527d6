"""The JSON document: its keys are those that are documented, and every string arrives as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from orthancgen.audit.output.json import KEYS, as_document, as_json, pointer
from orthancgen.audit.rule import REMOVE, SetValue
from tests.unit.audit.reports import TOUR, finding, hostile, report, safe


def keys(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}{key}"
            yield from keys(inner, f"{path}{key}.")
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner, f"{path[:-1]}[].")


def test_the_keys_are_those_that_are_documented() -> None:
    document = as_document([TOUR])
    of_summary = {f"summary.{word}" for word in ("critical", "high", "medium", "low", "note", "accepted")}
    assert set(keys(document)) - of_summary == set(KEYS)
    assert set(document["summary"]) == {one.removeprefix("summary.") for one in of_summary}


def test_the_whole_of_a_finding() -> None:
    (target,) = json.loads(as_json([TOUR]))["targets"]
    assert [one["rule"] for one in target["findings"]] == ["door-open", "web-dav-enabled", "old-version"]
    assert target["rules"] == ["door-open", "web-dav-enabled", "old-version", "nothing-wrong"]
    found = dict(target["findings"][1])
    assert found.pop("fingerprint") == TOUR.findings[1].fingerprint
    assert len(found.pop("references")) == 4
    assert found == {
        "rule": "web-dav-enabled",
        "severity": "medium",
        "confidence": "likely",
        "title": "WebDAV is on",
        "message": "WebDAV answers",
        "file": "orthanc.json",
        "line": 4,
        "column": 3,
        "end_column": 18,
        "path": "WebDavEnabled",
        "pointer": "/WebDavEnabled",
        "remedy": "close it",
        "why": "whoever reaches it\n    gets in",
        "fix": {"file": "orthanc.json", "pointer": "/WebDavEnabled", "remove": False, "value": False},
        "accepted": None,
    }
    assert target["findings"][2]["accepted"]["owner"] == "PACS team"


def test_a_removal_is_told_from_null() -> None:
    found = finding()
    removal, null = (replace(found, fix=SetValue("a", ("b",), value)) for value in (REMOVE, None))
    fixes = [one["fix"] for one in as_document([report(removal, null)])["targets"][0]["findings"]]
    assert [(one["remove"], one["value"]) for one in fixes] == [(True, None), (False, None)]


def test_counts() -> None:
    document = as_document([TOUR, report(finding())])
    assert document["summary"] == {"critical": 2, "high": 0, "medium": 1, "low": 0, "note": 0, "accepted": 1}
    assert len(document["targets"]) == 2


def test_pointers() -> None:
    assert pointer(()) == ""
    assert pointer(("a/b", 0, "~")) == "/a~1b/0/~0"


def test_hostile_strings_arrive_as_they_are() -> None:
    for text, one in hostile():
        written = as_json([one])
        assert written.isascii()
        (target,) = json.loads(written)["targets"]
        assert target["target"] == text
        assert {found["message"] for found in target["findings"]} == {safe(text)}
        assert target["findings"][1]["accepted"]["reason"] == text
        assert target["problems"][0]["message"] == safe(text)
