"""Results as documents: JSON for programs, JUnit XML for CI."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Final

from orthancgen.verify.result import CheckResult, Outcome

# What XML 1.0 section 2.2 does not allow in a document.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_json(environment: str, results: tuple[CheckResult, ...]) -> str:
    """One JSON document, in ASCII."""
    counts = {str(outcome): sum(result.outcome is outcome for result in results) for outcome in Outcome}
    checks = [result.as_dict() for result in results]
    return json.dumps({"environment": environment, **counts, "checks": checks}, indent=2, ensure_ascii=True)


def as_junit(environment: str, results: tuple[CheckResult, ...]) -> str:
    """JUnit XML as CI servers read it: a suite a group, a case a check (https://github.com/testmoapp/junitxml)."""
    root = ET.Element("testsuites", {"name": f"orthancgen verify {environment}", **_counts(results)})
    for group in ("positive", "negative"):
        rows = tuple(result for result in results if result.group == group)
        if rows:
            suite = ET.SubElement(
                root, "testsuite", {"name": f"{environment}.{group}", **_counts(rows), "skipped": _skips(rows)}
            )
            for result in rows:
                _case(suite, environment, result)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _counts(results: tuple[CheckResult, ...]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(not result.passed for result in results)),
        "errors": "0",
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _skips(results: tuple[CheckResult, ...]) -> str:
    return str(sum(result.outcome is Outcome.SKIPPED for result in results))


def _case(suite: ET.Element, environment: str, result: CheckResult) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"{environment}.{result.group}",
        name=f"{result.id}: {result.title}",
        time=f"{result.seconds:.3f}",
    )
    if result.outcome is Outcome.SKIPPED:
        ET.SubElement(case, "skipped", message=_clean(result.seen))
    elif result.outcome is Outcome.FAILED:
        failure = ET.SubElement(case, "failure", message=_clean(result.seen), type="CheckFailed")
        failure.text = _clean(
            f"expected: {result.expected}\nseen: {result.seen}" + (f"\nhint: {result.hint}" if result.hint else "")
        )


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
