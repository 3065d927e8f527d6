"""Findings as one HTML page: no script, nothing from elsewhere, light and dark, and fit for paper."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from orthancgen.audit.output import words
from orthancgen.audit.output.standards import matrix
from orthancgen.audit.references import Reference
from orthancgen.audit.rule import Finding
from orthancgen.audit.run import Report
from orthancgen.render.engine import render_template
from orthancgen.site.problems import Problem

Pieces = tuple[tuple[bool, str], ...]
"""A text: whether a piece of it is code, and the piece."""


@dataclass(frozen=True, slots=True)
class _Link:
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class _Excerpt:
    """A line of a file, with the place in it cut out."""

    number: int
    before: str
    at: str
    behind: str


@dataclass(frozen=True, slots=True)
class _Finding:
    severity: str
    title: Pieces
    rule: str
    confidence: str
    message: Pieces
    place: str
    path: str
    excerpt: _Excerpt | None
    remedy: Pieces
    why: Pieces
    references: tuple[_Link, ...]


@dataclass(frozen=True, slots=True)
class _Accepted:
    rule: str
    severity: str
    message: Pieces
    place: str
    kind: str
    until: str
    owner: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Problem:
    severity: str
    message: Pieces
    place: str
    path: str
    hint: Pieces


@dataclass(frozen=True, slots=True)
class _Standard:
    link: _Link
    found: tuple[str, ...]
    accepted: int
    checked: int


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    title: Pieces


@dataclass(frozen=True, slots=True)
class _Target:
    name: str
    orthancs: tuple[str, ...]
    files: tuple[str, ...]
    rules: str
    problems: tuple[_Problem, ...]
    findings: tuple[_Finding, ...]
    accepted: tuple[_Accepted, ...]
    standards: tuple[_Standard, ...]
    silent: tuple[_Rule, ...]


def as_html(reports: Sequence[Report]) -> str:
    """The page."""
    # The look of the page of `access`, and what this one has beside it.
    style = render_template("access/page.css") + render_template("audit/page.css")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    findings = [one for report in reports for one in report.findings]
    found = words.counts(findings)
    return render_template(
        "audit/page.html",
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        style=Markup(style),  # noqa: S704  shipped, without values; its hash is of these very bytes
        title=", ".join(words.shown(report.target) for report in reports),
        summary=words.summary(reports),
        counts=[(severity.word, number) for severity, number in found.items()],
        accepted=sum(not one.counts for one in findings),
        clean=not any(found.values()),
        targets=[_target(report) for report in reports],
    )


def _target(report: Report) -> _Target:
    excerpts = words.Excerpts(report)
    return _Target(
        name=words.shown(report.target),
        orthancs=tuple(map(words.shown, report.orthancs)),
        files=words.files(report),
        rules=words.counted(len(report.rules), "rule"),
        problems=tuple(map(_problem, words.problems(report))),
        findings=tuple(_finding(one, excerpts) for one in words.open_findings(report)),
        accepted=tuple(_accepted(report)),
        standards=tuple(_standards(report)),
        silent=tuple(_Rule(rule.id, _pieces(words.prose(rule.title))) for rule in words.silent_rules(report)),
    )


def _finding(one: Finding, excerpts: words.Excerpts) -> _Finding:
    line = excerpts.of(one.mark)
    end = line.start + line.length if line else 0
    return _Finding(
        severity=one.severity.word,
        title=_pieces(words.prose(one.rule.title)),
        rule=one.rule.id,
        confidence=one.rule.confidence,
        message=_pieces(one.message),
        place=words.place(one),
        path=words.key_path(one.path),
        excerpt=_Excerpt(line.number, line.text[: line.start], line.text[line.start : end], line.text[end:])
        if line
        else None,
        remedy=_pieces(words.prose(one.hint)),
        why=_pieces(words.prose(one.rule.why)),
        references=tuple(map(_link, one.rule.references)),
    )


def _pieces(text: str) -> Pieces:
    return tuple(words.pieces(text))


def _link(one: Reference) -> _Link:
    return _Link(one.title, one.url)


def _accepted(report: Report) -> Iterator[_Accepted]:
    for one in words.accepted_findings(report):
        by = one.suppression
        if by is not None:
            yield _Accepted(
                rule=one.rule.id,
                severity=one.severity.word,
                message=_pieces(one.message),
                place=words.place(one),
                kind=by.kind,
                until=words.shown(by.until),
                owner=words.shown(by.owner),
                reason=words.shown(by.reason),
            )


def _problem(one: Problem) -> _Problem:
    return _Problem(one.severity, _pieces(one.message), one.place, one.key_path, _pieces(one.hint or ""))


def _standards(report: Report) -> Iterator[_Standard]:
    for row in matrix(report.rules, report.findings):
        found = tuple(f"{rule} ({number})" if number > 1 else rule for rule, number in row.found)
        yield _Standard(_Link(row.taxon.title, row.taxon.url), found, row.accepted, len(row.checked))
