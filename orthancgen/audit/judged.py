"""What an environment's own waivers say of the findings in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orthancgen.audit.rule import Rule
from orthancgen.audit.run import Report, audit
from orthancgen.audit.subject import Subject
from orthancgen.audit.waivers import accept


def judged(subject: Subject, rules: Sequence[Rule]) -> Report:
    """Ask every rule; in an environment, accept what its waivers name.

    Raises:
        RuleBrokenError: a rule ended with an error of its own.
    """
    report = audit(subject, rules)
    if subject.plan is None:
        return report
    accepted = accept(
        # An environment is never edited: its place in the YAML says what to change.
        [replace(one, fix=None) for one in report.findings],
        subject.waivers,
        subject.today,
        ran=[rule.id for rule in report.rules],
        place_of=subject.place_of,
    )
    return replace(report, findings=accepted.findings, problems=(*report.problems, *accepted.problems))
