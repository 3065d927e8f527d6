"""Run the rules over a target: what they find, sorted, each once, with a name that stays."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orthancgen.audit.rule import Finding, Hit, Rule, fingerprint
from orthancgen.audit.rules import RULES
from orthancgen.audit.subject import Subject
from orthancgen.errors import OrthancgenError
from orthancgen.site.problems import Mark, Problem, format_path, printable

if TYPE_CHECKING:
    from orthancgen.audit.splices import Replacement


MAXIMUM_HITS: Final = 10_000
"""Places of one rule that are told; nobody reads more, and a file of a hundred thousand mistakes is no set-up."""
MAXIMUM_WORDS: Final = 2_000
"""Characters of a message or a hint."""


class RuleBrokenError(Exception):
    """A rule ended with an error of its own: that is a bug of ours, and never a pass."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"the audit rule {rule} is broken")
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an audit.

    Attributes:
        target: as it was given.
        findings: the worst first, then by file and place.
        problems: what was wrong with the files themselves.
        texts: text of each file for excerpts, with secrets hidden.
        orthancs: each Orthanc that was judged, with its version, in words.
        rules: those that ran.
        edits: fingerprint of a finding -> what its remedy alone would replace in its file.
    """

    target: str
    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    orthancs: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    edits: Mapping[str, tuple[Replacement, ...]] = field(default_factory=dict, repr=False)


def load_rules(names: Iterable[str] = RULES) -> tuple[Rule, ...]:
    """The rules of the table, in its order."""
    return tuple(_rule(name) for name in names)


def _rule(name: str) -> Rule:
    module = importlib.import_module(f"orthancgen.audit.rules.{name.replace('-', '_')}")
    rule: Rule = module.RULE
    return rule


def audit(subject: Subject, rules: Sequence[Rule]) -> Report:
    """Ask every rule.

    Raises:
        RuleBrokenError: a rule ended with an error of its own.
    """
    found: list[Finding] = []
    problems = list(subject.problems)
    for rule in rules:
        hits = _hits(rule, subject)
        if len(hits) > MAXIMUM_HITS:
            problems.append(_cut(rule))
        found += _findings(rule, hits[:MAXIMUM_HITS], subject)
    found.sort(key=lambda one: (-one.severity, one.file, one.mark.line if one.mark else 0, one.rule.id, one.message))
    return Report(
        subject.target.name,
        tuple(found),
        tuple(problems),
        subject.target.texts,
        tuple(describe(subject)),
        tuple(rules),
    )


def describe(subject: Subject) -> Iterator[str]:
    """Each Orthanc in words: its name, its version, and where that is known from."""
    for orthanc in subject.orthancs:
        part = orthanc.part
        image = f", image of {part.publisher}" if part.publisher else ""
        known = "" if part.version_known else " (assumed: no version is named)"
        yield f"{part.name}: Orthanc {part.version}{known}{image}"


def _hits(rule: Rule, subject: Subject) -> list[Hit]:
    """What a rule finds, each once; one more than the maximum where there are more."""
    try:
        return list(dict.fromkeys(islice(rule.find(subject), MAXIMUM_HITS + 1)))
    except OrthancgenError:
        raise
    except Exception as error:
        raise RuleBrokenError(rule.id) from error


def _cut(rule: Rule) -> Problem:
    message = f"{rule.id} holds at more than {MAXIMUM_HITS:,} places: the others are not told"
    return Problem(message, hint="mend these, or audit the files one by one", severity="warning")


def _findings(rule: Rule, hits: Sequence[Hit], subject: Subject) -> Iterator[Finding]:
    counts: dict[tuple[str, tuple[str | int, ...]], int] = {}
    for hit in hits:
        mark, path = hit.mark, hit.path
        file = _relative(mark.file if mark else hit.file)
        key = (file, path)
        counts[key] = counts.get(key, -1) + 1
        name = fingerprint(rule.id, file, path, counts[key])
        yield _finding(rule, hit, _in_folder(mark), file, name, subject)


def _finding(rule: Rule, hit: Hit, mark: Mark | None, file: str, name: str, subject: Subject) -> Finding:
    message = hit.message
    path = hit.path
    said = subject.said_by(file, path) if subject.said_by is not None else None
    if said is not None:
        message = f"{message} ({file}: {format_path(path)})" if path else f"{message} ({file})"
        mark, path, file = said[0], said[1], said[0].file
    severity = rule.severity if hit.severity is None else hit.severity
    # A rule that quotes a file and forgets what may stand there moves nobody's cursor.
    words = (printable(text, MAXIMUM_WORDS) for text in (message, hit.hint or rule.remedy))
    return Finding(rule, next(words), severity, file, mark, path, next(words), name, hit.fix)


def _relative(file: str) -> str:
    """The name of a file relative to the working folder where it lies below it."""
    if not os.path.isabs(file):  # noqa: PTH117  Path() would tidy the name
        return file
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file


def _in_folder(mark: Mark | None) -> Mark | None:
    return Mark(_relative(mark.file), mark.line, mark.column, mark.end_column) if mark else None
