"""Waivers of an environment: findings that the site accepts, why, who answers for it, and until when."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from orthancgen.audit.rule import Finding, Suppression
from orthancgen.audit.rules import RULES
from orthancgen.site.explain import did_you_mean
from orthancgen.site.model import Waiver
from orthancgen.site.problems import KeyPath, Mark, Problem, printable

PlaceOf = Callable[[KeyPath], Mark | None]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The findings, some of them accepted now, and what is wrong with the waivers."""

    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]


def accept(
    findings: Iterable[Finding],
    waivers: Sequence[Waiver],
    today: datetime.date,
    *,
    ran: Collection[str] = RULES,
    known: Sequence[str] = RULES,
    place_of: PlaceOf | None = None,
) -> Accepted:
    """Accept what a waiver names; one that has ended accepts nothing.

    Args:
        findings: of one environment.
        waivers: of that environment.
        today: a waiver holds up to and with the day that it names.
        ran: ids of the rules that ran: a waiver of another one may match nothing.
        known: ids of all rules.
        place_of: where a key of the environment is written.
    """
    holding = {
        one.rule: Suppression("waiver", one.reason, one.owner, one.until)
        for one in reversed(waivers)
        if not _has_ended(one, today)
    }
    accepted = tuple(
        replace(one, suppression=holding[one.rule.id]) if one.counts and one.rule.id in holding else one
        for one in findings
    )
    found = {one.rule.id for one in accepted}
    return Accepted(accepted, tuple(_problems(waivers, today, found, ran, known, place_of or (lambda _: None))))


def _problems(
    waivers: Sequence[Waiver],
    today: datetime.date,
    found: Collection[str],
    ran: Collection[str],
    known: Sequence[str],
    place_of: PlaceOf,
) -> Iterator[Problem]:
    for index, one in enumerate(waivers):
        rule = printable(one.rule)
        path: KeyPath = ("waivers", index, "rule")
        if one.rule not in known:
            hint = did_you_mean(one.rule, known) or "`orthancgen audit --list-rules` lists them"
            yield Problem(f"there is no audit rule {rule} to waive", place_of(path), path, hint)
        elif _has_ended(one, today):
            path = ("waivers", index, "until")
            message = f"the waiver for {rule} ended on {one.until}: it accepts nothing any more"
            still = one.rule in found
            hint = (
                "mend what is found, or say until when it is accepted now" if still else "remove it: nothing is found"
            )
            yield Problem(message, place_of(path), path, hint, "warning")
        elif one.rule not in found and one.rule in ran:
            message = f"the waiver for {rule} accepts nothing: the rule finds nothing here"
            yield Problem(message, place_of(path), path, "remove it", "warning")


def _has_ended(one: Waiver, today: datetime.date) -> bool:
    return datetime.date.fromisoformat(one.until) < today
