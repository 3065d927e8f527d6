"""Findings as JUnit XML, as Jenkins and GitLab read it: a suite a target, a case a finding and a silent rule.

A case fails once at most: both readers take the first `failure` of a case only. GitLab tells cases apart by class and
name (https://docs.gitlab.com/ci/testing/unit_test_reports/), so no two have the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree

from orthancgen.audit.output import words
from orthancgen.audit.rule import Finding
from orthancgen.audit.run import Report
from orthancgen.site.problems import Problem


def as_junit(reports: Sequence[Report]) -> str:
    """The XML document."""
    root = ElementTree.Element("testsuites", name="orthancgen audit")
    for report in reports:
        _suite(root, report)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(root: ElementTree.Element, report: Report) -> None:
    target = words.shown(report.target)
    suite = ElementTree.SubElement(root, "testsuite", name=target)
    if report.orthancs:
        properties = ElementTree.SubElement(suite, "properties")
        for described in report.orthancs:
            ElementTree.SubElement(properties, "property", name="orthanc", value=words.shown(described))
    names: Counter[tuple[str, str]] = Counter()
    errors = [problem for problem in words.problems(report) if problem.severity == "error"]
    for problem in errors:
        _problem(_case(suite, names, target, words.shown(problem.mark.file) if problem.mark else "", "reads"), problem)
    excerpts = words.Excerpts(report)
    for one in report.findings:
        name = f"{one.rule.id}: {words.key_path(one.path)}" if one.path else one.rule.id
        _finding(_case(suite, names, target, words.shown(one.file), name), one, excerpts)
    for rule in words.silent_rules(report):
        _case(suite, names, target, "", rule.id)
    failures = len(words.open_findings(report))
    suite.set("tests", str(names.total()))
    suite.set("failures", str(failures))
    suite.set("errors", str(len(errors)))
    suite.set("skipped", str(len(report.findings) - failures))


def _case(
    suite: ElementTree.Element, names: Counter[tuple[str, str]], target: str, file: str, name: str
) -> ElementTree.Element:
    group = file or target
    names[group, name] += 1
    number = names[group, name]
    case = ElementTree.SubElement(
        suite, "testcase", classname=group, name=f"{name} ({number})" if number > 1 else name, time="0"
    )
    if file:
        case.set("file", file)
    return case


def _finding(case: ElementTree.Element, one: Finding, excerpts: words.Excerpts) -> None:
    message = f"{one.severity.word}: {words.shown(one.message)}"
    if not one.counts:
        ElementTree.SubElement(case, "skipped", message=f"{message}: accepted, {words.accepted(one)}")
        return
    failure = ElementTree.SubElement(case, "failure", type=one.severity.word, message=message)
    found = excerpts.of(one.mark)
    lines = [message, words.place(one), *(words.carets(found) if found else ())]
    lines += [f"remedy: {words.prose(one.hint)}", f"why: {words.prose(one.rule.why)}"]
    failure.text = "\n".join(line for line in lines if line)


def _problem(case: ElementTree.Element, problem: Problem) -> None:
    error = ElementTree.SubElement(case, "error", type="unreadable", message=words.shown(problem.message))
    lines = [problem.place, problem.key_path, problem.message, f"hint: {problem.hint}" if problem.hint else ""]
    error.text = "\n".join(words.shown(line) for line in lines if line)
