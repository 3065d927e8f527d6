"""Findings as a JSON document for programs; `KEYS` describes it, and docs/audit-rules.md has that table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from orthancgen.audit.output import words
from orthancgen.audit.references import Reference
from orthancgen.audit.rule import REMOVE, Finding, SetValue, Suppression
from orthancgen.audit.run import Report
from orthancgen.site.problems import KeyPath, Problem

SCHEMA: Final = 1
"""Grows when a key changes its meaning or goes; new keys may come without it."""

KEYS: Final[Mapping[str, str]] = {
    "schema": "1; grows when a key changes its meaning or goes",
    "summary": "severity, or accepted -> how many findings of all targets",
    "targets": "one for each environment, and one for all other files together",
    "targets[].target": "name, as it was given",
    "targets[].orthancs": "each Orthanc that was judged: name, version, whether that is assumed",
    "targets[].rules": "ids of the rules that ran",
    "targets[].findings": "the worst first, accepted ones included",
    "targets[].findings[].rule": "id of the rule",
    "targets[].findings[].severity": "critical, high, medium, low, note",
    "targets[].findings[].confidence": "certain, likely, possible",
    "targets[].findings[].title": "what the rule finds",
    "targets[].findings[].message": "what is wrong here",
    "targets[].findings[].file": "relative to the working folder where it lies below it",
    "targets[].findings[].line": "from 1; null where the file as a whole is meant",
    "targets[].findings[].column": "from 1, or null",
    "targets[].findings[].end_column": "behind the last character, or null",
    "targets[].findings[].path": "of the key, as people write it",
    "targets[].findings[].pointer": "of the key, as RFC 6901 writes it",
    "targets[].findings[].remedy": "what to do here",
    "targets[].findings[].why": "why it matters",
    "targets[].findings[].references": "what the rule appeals to",
    "targets[].findings[].references[].title": "document and place",
    "targets[].findings[].references[].url": "where it is read",
    "targets[].findings[].fix": "what --fix does, or null",
    "targets[].findings[].fix.file": "file",
    "targets[].findings[].fix.pointer": "key, as RFC 6901 writes it",
    "targets[].findings[].fix.remove": "true where the key is removed",
    "targets[].findings[].fix.value": "the value that is set; null where the key is removed",
    "targets[].findings[].fingerprint": "the same as long as rule, file and key are",
    "targets[].findings[].accepted": "why it does not count, or null",
    "targets[].findings[].accepted.kind": "waiver (of the environment) or baseline",
    "targets[].findings[].accepted.reason": "reason",
    "targets[].findings[].accepted.owner": "who accepts it, or an empty text",
    "targets[].findings[].accepted.until": "last day, or an empty text",
    "targets[].problems": "what was wrong with the files, the waivers and the baseline",
    "targets[].problems[].severity": "error or warning",
    "targets[].problems[].file": "file, or null",
    "targets[].problems[].line": "line, or null",
    "targets[].problems[].column": "column, or null",
    "targets[].problems[].end_column": "behind the last character, or null",
    "targets[].problems[].path": "of the key",
    "targets[].problems[].message": "what is wrong",
    "targets[].problems[].hint": "what to do, or null",
}
"""Path of a key in the document -> what it is."""


def as_json(reports: Sequence[Report]) -> str:
    """The document, in ASCII."""
    return json.dumps(as_document(reports), indent=2, ensure_ascii=True) + "\n"


def as_document(reports: Sequence[Report]) -> dict[str, Any]:
    """The document as a mapping of JSON values."""
    findings = [one for report in reports for one in report.findings]
    summary = {severity.word: number for severity, number in words.counts(findings).items()}
    return {
        "schema": SCHEMA,
        "summary": {**summary, "accepted": sum(not one.counts for one in findings)},
        "targets": [
            {
                "target": report.target,
                "orthancs": list(report.orthancs),
                "rules": [rule.id for rule in report.rules],
                "findings": [_finding(one) for one in report.findings],
                "problems": [_problem(one) for one in words.problems(report)],
            }
            for report in reports
        ],
    }


def pointer(path: KeyPath) -> str:
    """A key path as RFC 6901 writes it."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "rule": one.rule.id,
        "severity": one.severity.word,
        "confidence": one.rule.confidence,
        "title": one.rule.title,
        "message": words.safe(one.message),
        "file": one.file,
        "line": one.mark.line if one.mark else None,
        "column": one.mark.column if one.mark else None,
        "end_column": one.mark.end_column if one.mark else None,
        "path": words.key_path(one.path),
        "pointer": pointer(words.safe_path(one.path)),
        "remedy": words.safe(one.hint),
        "why": one.rule.why,
        "references": [_reference(reference) for reference in one.rule.references],
        "fix": _fix(one.fix),
        "fingerprint": one.fingerprint,
        "accepted": _accepted(one.suppression),
    }


def _reference(one: Reference) -> dict[str, str]:
    return {"title": one.title, "url": one.url}


def _fix(one: SetValue | None) -> dict[str, Any] | None:
    if one is None:
        return None
    removed = one.value is REMOVE
    return {
        "file": one.file,
        "pointer": pointer(words.safe_path(one.path)),
        "remove": removed,
        "value": None if removed else one.value,
    }


def _accepted(one: Suppression | None) -> dict[str, str] | None:
    return {"kind": one.kind, "reason": one.reason, "owner": one.owner, "until": one.until} if one else None


def _problem(one: Problem) -> dict[str, Any]:
    return {
        "severity": one.severity,
        "file": one.mark.file if one.mark else None,
        "line": one.mark.line if one.mark else None,
        "column": one.mark.column if one.mark else None,
        "end_column": one.mark.end_column if one.mark else None,
        "path": one.key_path,
        "message": one.message,
        "hint": one.hint,
    }
