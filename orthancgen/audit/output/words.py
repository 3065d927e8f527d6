"""Words that the forms of output share: counts, places, excerpts, what became of a finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from orthancgen.audit.rule import Finding, Rule, Severity
from orthancgen.audit.run import Report
from orthancgen.site.masking import mask_logins
from orthancgen.site.problems import (
    Excerpt,
    KeyPath,
    Mark,
    Problem,
    excerpt,
    format_path,
    printable,
    show_hidden,
    source_lines,
)

WORST_FIRST: Final[tuple[Severity, ...]] = tuple(sorted(Severity, reverse=True))
_LONGEST: Final = 4096


def safe(text: str) -> str:
    """A text without the login of a URL, wherever it came from; a rule should not have let it in."""
    return show_hidden(mask_logins(text))


def shown(text: str) -> str:
    """A text on one line, every invisible character escaped: nothing in it moves a cursor or ends a line."""
    return printable(safe(text), _LONGEST)


def safe_path(path: KeyPath) -> KeyPath:
    """The path of a key, each part `safe`."""
    return tuple(safe(part) if isinstance(part, str) else part for part in path)


def key_path(path: KeyPath) -> str:
    """The path of a key as people write it."""
    return format_path(safe_path(path))


def prose(text: str) -> str:
    """A text of a rule, which may be wrapped in the source, on one line."""
    return shown(" ".join(text.split()))


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """A text cut at its backticks, as people write code in a sentence: whether a piece is code, and the piece."""
    parts = shown(text).split("`")
    if len(parts) % 2 == 0:
        yield False, shown(text)
        return
    for index, part in enumerate(parts):
        if part:
            yield index % 2 == 1, part


def problems(report: Report) -> tuple[Problem, ...]:
    """The problems of the files, `safe`."""
    return tuple(
        replace(
            one,
            message=safe(one.message),
            hint=safe(one.hint) if one.hint else None,
            path=safe_path(one.path),
        )
        for one in report.problems
    )


def open_findings(report: Report) -> tuple[Finding, ...]:
    """Those that nobody has accepted."""
    return tuple(one for one in report.findings if one.counts)


def accepted_findings(report: Report) -> tuple[Finding, ...]:
    """Those that a waiver or the baseline accepts."""
    return tuple(one for one in report.findings if not one.counts)


def silent_rules(report: Report) -> tuple[Rule, ...]:
    """Rules that ran and found nothing."""
    found = {one.rule.id for one in report.findings}
    return tuple(rule for rule in report.rules if rule.id not in found)


def counts(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many of each severity, the worst first; those that are accepted do not count."""
    found = dict.fromkeys(WORST_FIRST, 0)
    for one in findings:
        if one.counts:
            found[one.severity] += 1
    return found


def summary(reports: Sequence[Report]) -> str:
    """All reports in one line: ``2 critical, 1 medium, 3 accepted``."""
    findings = [one for report in reports for one in report.findings]
    parts = [f"{number} {severity.word}" for severity, number in counts(findings).items() if number]
    accepted = sum(not one.counts for one in findings)
    told = [*parts, f"{accepted} accepted"] if accepted else parts
    if parts:
        return ", ".join(told)
    return ", ".join([*told, f"nothing {'else ' if accepted else ''}found by {counted(ran(reports), 'rule')}"])


def ran(reports: Sequence[Report]) -> int:
    """How many rules ran."""
    return len({rule.id for report in reports for rule in report.rules})


def counted(number: int, word: str) -> str:
    """``1 rule``, ``2 rules``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def place(finding: Finding) -> str:
    """``file:line:column``, the file alone where nothing in it is meant, or an empty text."""
    mark = finding.mark
    return f"{shown(mark.file)}:{mark.line}:{mark.column}" if mark else shown(finding.file)


def accepted(finding: Finding) -> str:
    """By what a finding is accepted: ``waiver until 2027-06-30, PACS team: replaced in spring``."""
    by = finding.suppression
    if by is None:
        return ""
    until = f" until {shown(by.until)}" if by.until else ""
    owner = f", {shown(by.owner)}" if by.owner else ""
    return f"{by.kind}{until}{owner}: {shown(by.reason)}"


def files(report: Report) -> tuple[str, ...]:
    """Names of the files that were read, in order."""
    return tuple(sorted(shown(name) for name in report.texts))


class Excerpts:
    """Cuts excerpts out of the files of a report; each file is split into lines once."""

    def __init__(self, report: Report) -> None:
        self._texts = report.texts
        self._lines: dict[str, list[str]] = {}

    def of(self, mark: Mark | None) -> Excerpt | None:
        """The line of a place; None where it says nothing: only that something begins in which a key is missing."""
        if mark is None:
            return None
        if mark.file not in self._lines:
            self._lines[mark.file] = source_lines(self._texts.get(mark.file, ""))
        found = excerpt(mark, self._lines[mark.file])
        return None if found is None or found.text.strip() in {"{", "["} else found


def carets(shown_line: Excerpt) -> Iterator[str]:
    """An excerpt as two lines of text: the line with its number, and the place below it."""
    number = str(shown_line.number)
    yield f"{number} | {shown_line.text}"
    yield f"{' ' * len(number)} | {' ' * shown_line.start}{'^' * shown_line.length}"
