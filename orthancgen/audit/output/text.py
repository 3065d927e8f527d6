"""Findings for a terminal or a log, as compilers show what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.text import Text

from orthancgen.audit.output import words
from orthancgen.audit.rule import Finding, Severity
from orthancgen.audit.run import Report
from orthancgen.site.problems import append_excerpt, as_text

STYLES: Final[Mapping[Severity, str]] = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "bold cyan",
    Severity.NOTE: "bold",
}


def coloured(reports: Sequence[Report]) -> Text:
    """The text with its styles, for a console."""
    out = Text()
    for report in reports:
        _report(out, report)
    worst = max((one.severity for report in reports for one in words.open_findings(report)), default=None)
    out.append(f"{words.summary(reports)}\n", "bold green" if worst is None else STYLES[worst])
    return out


def plain(reports: Sequence[Report]) -> str:
    """The text without styles."""
    return coloured(reports).plain


def _report(out: Text, report: Report) -> None:
    for line in report.orthancs or (report.target,):
        out.append(f"{words.shown(line)}\n", "dim")
    out.append_text(as_text(words.problems(report), report.texts))
    excerpts = words.Excerpts(report)
    for one in words.open_findings(report):
        _finding(out, one, excerpts)
    for one in words.accepted_findings(report):
        at = words.place(one)
        out.append("accepted: ", "dim").append(one.rule.id).append(f" at {at}" if at else "")
        out.append(f" ({one.severity.word}), {words.accepted(one)}\n", "dim")


def _finding(out: Text, one: Finding, excerpts: words.Excerpts) -> None:
    style, at = STYLES[one.severity], words.place(one)
    if at:
        out.append(f"{at}: ", "bold")
    if one.path:
        out.append(f"{words.key_path(one.path)}: ", "cyan")
    out.append(one.severity.word, style).append(": ").append(words.shown(one.message))
    out.append(f" [{one.rule.id}]\n", "dim")
    append_excerpt(out, excerpts.of(one.mark), style)
    out.append("  remedy: ", "bold green").append(words.prose(one.hint))
    out.append(" (or --fix)\n" if one.fix is not None else "\n", "dim")
    out.append(f"  why: {words.prose(one.rule.why)}\n\n", "dim")
