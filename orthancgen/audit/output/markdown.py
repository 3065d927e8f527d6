"""Findings as GitHub Flavored Markdown, for a summary of a job, a ticket or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from orthancgen.audit.output import words
from orthancgen.audit.output.standards import matrix
from orthancgen.audit.references import Reference
from orthancgen.audit.rule import Finding
from orthancgen.audit.run import Report

_ACTIVE: Final = re.compile(r"([\\`*_{}\[\]<>|~&$@#!]|(?<=www)\.|:(?=//))")
"""Characters that mean something in a line of GitHub Flavored Markdown (https://github.github.com/gfm/), and those by
which it finds links; what means something at the start of a line only never stands there."""
_TICKS: Final = re.compile(r"`+")


def as_markdown(reports: Sequence[Report]) -> str:
    """The document."""
    lines = ["# Audit", "", f"**{escaped(words.summary(reports))}**", *_severities(reports)]
    for report in reports:
        lines += ["", f"## {code(words.shown(report.target))}", "", *_read(report)]
        lines += _problems(report)
        excerpts = words.Excerpts(report)
        for one in words.open_findings(report):
            lines += _finding(one, excerpts)
        lines += _accepted(report)
        lines += _standards(report)
        silent = [code(rule.id) for rule in words.silent_rules(report)]
        if silent:
            lines += ["", "### Rules that found nothing", "", ", ".join(silent)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """A text in which nothing has a meaning, for the inside of a line."""
    return _ACTIVE.sub(r"\\\1", words.shown(text))


def formatted(text: str) -> str:
    """As `escaped`, with what stands between backticks as code."""
    return "".join(code(part) if is_code else escaped(part) for is_code, part in words.pieces(text))


def code(text: str) -> str:
    """A text as code, in a line or in a cell of a table."""
    body = words.shown(text)
    ticks = "`" * (max((len(run) for run in _TICKS.findall(body)), default=0) + 1)
    blank = not body.strip()  # a span of blanks keeps them; any other loses one at each end
    edge = " " if not body or (not blank and (len(ticks) > 1 or body != body.strip())) else ""
    return f"{ticks}{edge}{body}{edge}{ticks}"


def _cell(text: str) -> str:
    """Code in a cell: a bar ends the cell even there (4.10 of the GFM specification)."""
    return code(text).replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _severities(reports: Sequence[Report]) -> Iterator[str]:
    findings = [one for report in reports for one in report.findings]
    found = words.counts(findings)
    accepted = sum(not one.counts for one in findings)
    head = [*(severity.word for severity in found), "accepted"]
    yield from _table(head, [[*map(str, found.values()), str(accepted)]])


def _read(report: Report) -> Iterator[str]:
    for one in report.orthancs:
        yield f"- {code(one)}"
    names = [code(name) for name in words.files(report)]
    if names:
        yield f"- {words.counted(len(names), 'file')}: {', '.join(names)}"
    yield f"- {words.counted(len(report.rules), 'rule')} looked"


def _problems(report: Report) -> Iterator[str]:
    found = words.problems(report)
    if found:
        yield from ("", "### Problems of the files", "")
    for one in found:
        at = f"{code(one.place)}: " if one.place else ""
        path = f"{code(one.key_path)}: " if one.path else ""
        hint = f". Hint: {formatted(one.hint)}" if one.hint else ""
        yield f"- {one.severity}: {at}{path}{formatted(one.message)}{hint}"


def _finding(one: Finding, excerpts: words.Excerpts) -> Iterator[str]:
    yield from ("", f"### {one.severity.word}: {formatted(words.prose(one.rule.title))}", "")
    yield f"{code(one.rule.id)} ({one.rule.confidence}): {formatted(one.message)}"
    at = [code(text) for text in (words.place(one), words.key_path(one.path)) if text]
    if at:
        yield from ("", f"At {', '.join(at)}")
    found = excerpts.of(one.mark)
    if found is not None:
        lines = list(words.carets(found))
        fence = "`" * max(3, max((len(run) + 1 for run in _TICKS.findall(lines[0])), default=0))
        yield from ("", f"{fence}text", *lines, fence)
    yield from ("", f"**Remedy:** {formatted(words.prose(one.hint))}")
    yield from ("", f"**Why:** {formatted(words.prose(one.rule.why))}")
    yield from ("", f"**References:** {', '.join(_link(reference) for reference in one.rule.references)}")


def _link(one: Reference) -> str:
    return f"[{escaped(one.title)}](<{one.url}>)"


def _accepted(report: Report) -> Iterator[str]:
    accepted = words.accepted_findings(report)
    if not accepted:
        return
    yield from ("", "### Accepted")
    head = ("rule", "severity", "place", "by", "until", "owner", "reason")
    yield from _table(head, (_accepted_row(one) for one in accepted))


def _accepted_row(one: Finding) -> Sequence[str]:
    by = one.suppression
    at = _cell(words.place(one)) if words.place(one) else ""
    cells = [code(one.rule.id), one.severity.word, at]
    return (*cells, *(map(escaped, (by.kind, by.until, by.owner, by.reason)) if by else ()))


def _standards(report: Report) -> Iterator[str]:
    rows = [row for row in matrix(report.rules, report.findings) if row.found or row.accepted]
    if not rows:
        return
    yield from ("", "### Standards")
    yield from _table(
        ("standard", "findings", "accepted", "rules that looked"),
        (
            (
                f"[{escaped(row.taxon.title)}](<{row.taxon.url}>)",
                ", ".join(f"{code(rule)} ({number})" for rule, number in row.found),
                str(row.accepted or ""),
                str(len(row.checked)),
            )
            for row in rows
        ),
    )
