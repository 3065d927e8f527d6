"""Findings as SARIF 2.1.0, for code scanning of GitHub and for editors.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html; what GitHub takes of
it: https://docs.github.com/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning. One run
for all targets: GitHub refuses several runs of one tool in one upload. No snippet of a file is in it.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from orthancgen import __version__
from orthancgen.audit.output import words
from orthancgen.audit.output.markdown import escaped, formatted
from orthancgen.audit.output.standards import Taxon, taxa, taxon
from orthancgen.audit.rule import Confidence, Finding, Rule, Severity
from orthancgen.audit.run import Report
from orthancgen.audit.splices import Replacement
from orthancgen.site.problems import Mark, Problem

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
SOURCE_ROOT: Final = "%SRCROOT%"
FINGERPRINT: Final = "orthancgenFinding/v1"

_LEVELS: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.NOTE: "note",
}
_SCORES: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "3.0",
    Severity.NOTE: "0.0",
}
"""GitHub shows above 9.0 as critical, from 7.0 as high, from 4.0 as medium, from 0.1 as low."""
_PRECISIONS: Final[Mapping[Confidence, str]] = {"certain": "very-high", "likely": "high", "possible": "medium"}
_MOST_TAGS: Final = 10
"""GitHub shows ten, and refuses a file with a rule of more than twenty."""
_NAMES: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://docs.oasis-open.org/sarif/orthancgen/taxonomies")


def as_sarif(reports: Sequence[Report]) -> str:
    """The document, in ASCII."""
    return json.dumps(as_document(reports), indent=2, ensure_ascii=True) + "\n"


def as_document(reports: Sequence[Report]) -> dict[str, Any]:
    """The document as a mapping of JSON values."""
    rules = list({rule.id: rule for report in reports for rule in report.rules}.values())
    index = {rule.id: number for number, rule in enumerate(rules)}
    components = _taxonomies(rules)
    problems = [problem for report in reports for problem in words.problems(report)]
    run = {
        "tool": {
            "driver": {
                "name": "orthancgen",
                "fullName": f"orthancgen audit {__version__}",
                "semanticVersion": __version__,
                "version": __version__,
                "shortDescription": {"text": "Audits environments and set-ups of the Orthanc DICOM server."},
                "rules": [_rule(rule, components) for rule in rules],
                "supportedTaxonomies": [_named(one) for one in components.values()],
            }
        },
        # What GitHub calls the category stands in front of the last slash: uploads of other targets stay beside it.
        "automationDetails": {"id": f"orthancgen-audit/{'+'.join(words.shown(one.target) for one in reports)}/"},
        "invocations": [
            {
                "executionSuccessful": all(problem.severity != "error" for problem in problems),
                "toolExecutionNotifications": [_notification(one) for one in problems],
            }
        ],
        "originalUriBaseIds": {
            SOURCE_ROOT: {"description": {"text": "The folder in which the audit ran: the root of the checkout."}}
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, index, report) for report in reports for one in report.findings],
        "taxonomies": list(components.values()),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def uri(file: str) -> dict[str, str]:
    """A file as an artifact location: percent-encoded, relative to the source root where it lies below it."""
    path = PurePosixPath(file)
    if ".." in path.parts:
        path = PurePosixPath(os.path.abspath(path))  # noqa: PTH100  no link is followed
    written = str(path)
    try:
        encoded = quote(os.fsencode(written))
    except UnicodeEncodeError:
        encoded = quote(written.encode("utf-8", "surrogatepass"))
    return {"uri": f"file://{encoded}"} if path.is_absolute() else {"uri": encoded, "uriBaseId": SOURCE_ROOT}


def _sentences(first: str, second: str | None) -> dict[str, str]:
    return _text(f"{first.removesuffix('.')}. {second}" if second else first)


def _text(text: str) -> dict[str, str]:
    """A message (3.11.5): a brace stands for itself only as two, since one begins a placeholder."""
    return {"text": words.shown(text).replace("{", "{{").replace("}", "}}")}


def _rule(rule: Rule, components: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    places = [one for reference in rule.references if (one := taxon(reference)) is not None]
    standards = list(dict.fromkeys(one.standard for one in places))
    links = [f"- [{escaped(one.title)}](<{one.url}>)" for one in rule.references]
    plain = [f"Why: {words.prose(rule.why)}", f"Remedy: {words.prose(rule.remedy)}"]
    plain += [f"{one.title}: {one.url}" for one in rule.references]
    marked = [
        f"**Why:** {formatted(words.prose(rule.why))}",
        f"**Remedy:** {formatted(words.prose(rule.remedy))}",
        "\n".join(links),
    ]
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": f"{words.prose(rule.title)}."},
        "fullDescription": {"text": words.prose(rule.why)},
        "help": {"text": "\n".join(plain), "markdown": "\n\n".join(marked)},
        "helpUri": rule.references[0].url,
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "security-severity": _SCORES[rule.severity],
            "precision": _PRECISIONS[rule.confidence],
            "problem.severity": {"error": "error", "warning": "warning"}.get(_LEVELS[rule.severity], "recommendation"),
            "tags": ["security", *standards][:_MOST_TAGS],
        },
        "relationships": [_relationship(one, components) for one in dict.fromkeys(places)],
    }


def _taxonomies(rules: Sequence[Rule]) -> dict[str, dict[str, Any]]:
    """Name of a standard -> its component, with the places that rules appeal to."""
    components: dict[str, dict[str, Any]] = {}
    for one in taxa(rules):
        made = components.setdefault(
            one.standard,
            {
                "name": one.standard,
                "guid": str(uuid.uuid5(_NAMES, one.standard)),
                "informationUri": one.url,
                "shortDescription": {"text": one.standard},
                "isComprehensive": False,
                "taxa": [],
            },
        )
        made["taxa"].append({"id": one.section, "helpUri": one.url})
    return components


def _named(component: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": component["name"], "guid": component["guid"]}


def _relationship(one: Taxon, components: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    component = components[one.standard]
    index = next(number for number, other in enumerate(component["taxa"]) if other["id"] == one.section)
    return {"target": {"id": one.section, "index": index, "toolComponent": _named(component)}, "kinds": ["relevant"]}


def _result(one: Finding, index: Mapping[str, int], report: Report) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.rule.id,
        "ruleIndex": index[one.rule.id],
        "level": _LEVELS[one.severity],
        "message": _sentences(one.message.strip() or one.rule.title, words.prose(one.hint)),
        "locations": [_location(one, report.target)],
        "partialFingerprints": {
            # GitHub looks at this one only, and else computes it from the line of the file.
            "primaryLocationLineHash": f"{one.fingerprint}:1",
            FINGERPRINT: one.fingerprint,
        },
        "properties": {
            "severity": one.severity.word,
            "confidence": one.rule.confidence,
            "target": words.shown(report.target),
        },
    }
    if one.suppression is not None:
        by = one.suppression
        properties = {key: words.shown(value) for key, value in (("owner", by.owner), ("until", by.until)) if value}
        result["suppressions"] = [
            {
                "kind": "external",
                "status": "accepted",
                "justification": words.shown(by.reason),
                "properties": {"source": by.kind, **properties},
            }
        ]
    else:
        result["suppressions"] = []  # 3.27.23: that there are none is known
    changed = report.edits.get(one.fingerprint)
    if one.fix is not None and changed:
        result["fixes"] = [_fix(one, one.fix.file, changed)]
    return result


def _location(one: Finding, target: str) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": uri(one.mark.file if one.mark else one.file or target)}
    # GitHub shows no result without a line.
    physical["region"] = _region(one.mark) if one.mark else {"startLine": 1}
    location: dict[str, Any] = {"physicalLocation": physical}
    if one.path:
        path = words.key_path(one.path)
        name = words.shown(str(one.path[-1]))
        location["logicalLocations"] = [{"name": name, "fullyQualifiedName": path, "kind": "member"}]
    return location


def _region(mark: Mark) -> dict[str, int]:
    end = max(mark.end_column, mark.column)
    return {"startLine": mark.line, "startColumn": mark.column, "endLine": mark.line, "endColumn": end}


def _fix(one: Finding, file: str, changed: Sequence[Replacement]) -> dict[str, Any]:
    edits = [
        {
            "deletedRegion": {
                "startLine": edit.start[0],
                "startColumn": edit.start[1],
                "endLine": edit.end[0],
                "endColumn": edit.end[1],
            },
            "insertedContent": {"text": edit.text},
        }
        for edit in changed
    ]
    return {
        "description": _text(one.hint),
        "artifactChanges": [{"artifactLocation": uri(file), "replacements": edits}],
    }


def _notification(one: Problem) -> dict[str, Any]:
    made: dict[str, Any] = {
        "level": one.severity,
        "message": _sentences(one.message, one.hint),
    }
    if one.mark:
        physical = {"artifactLocation": uri(one.mark.file), "region": _region(one.mark)}
        made["locations"] = [{"physicalLocation": physical}]
    return made
