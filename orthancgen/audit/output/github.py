"""Findings as workflow commands, which GitHub shows beside the line in a pull request; the worst come first.

GitHub shows ten of each level for a step (https://docs.github.com/actions/reference/limits), and knows no accepted
findings: these are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from orthancgen.audit.output import words
from orthancgen.audit.rule import Finding, Severity
from orthancgen.audit.run import Report
from orthancgen.site.problems import Mark, github_command

_COMMANDS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
    Severity.NOTE: "notice",
}


def as_github(reports: Sequence[Report]) -> str:
    """A command a line; an empty text where there is nothing to tell."""
    return "".join(f"{line}\n" for report in reports for line in _commands(report))


def _commands(report: Report) -> Iterator[str]:
    for problem in words.problems(report):
        message = words.shown(problem.message) + (f"\nhint: {words.shown(problem.hint)}" if problem.hint else "")
        yield github_command(problem.severity, message, _place(problem.mark, ""), problem.key_path or "audit")
    for one in words.open_findings(report):
        yield github_command(_COMMANDS[one.severity], _message(one), _place(one.mark, one.file), _title(one))


def _title(one: Finding) -> str:
    return f"{one.severity.word}: {one.rule.id}" + (f" ({words.key_path(one.path)})" if one.path else "")


def _message(one: Finding) -> str:
    return f"{words.shown(one.message)}\nremedy: {words.prose(one.hint)}\nwhy: {words.prose(one.rule.why)}"


def _place(mark: Mark | None, file: str) -> Mark | None:
    if mark is None:
        return Mark(words.shown(file), 1, 1, 1) if file else None
    return Mark(words.shown(mark.file), mark.line, mark.column, mark.end_column)
