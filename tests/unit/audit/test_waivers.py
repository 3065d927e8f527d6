"""Waivers accept what they name, up to and with their last day, and say so where they no longer do."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest

from orthancgen.audit.rule import Suppression
from orthancgen.audit.waivers import accept
from orthancgen.site.model import Waiver
from orthancgen.site.problems import KeyPath, Mark
from tests.unit.audit.reports import DAV, OPEN, RULES, finding

KNOWN = [rule.id for rule in RULES]
TODAY = datetime.date(2026, 6, 1)
FOUND = (finding(OPEN), finding(OPEN, path=("other",)), finding(DAV))


def waiver(rule: str = "door-open", until: str = "2027-06-30", owner: str = "PACS team") -> Waiver:
    return Waiver(rule=rule, reason="replaced in spring", owner=owner, until=until)


def told(waivers: Sequence[Waiver]) -> list[tuple[str, str, str | None]]:
    problems = accept(FOUND, waivers, TODAY, known=KNOWN, ran=KNOWN).problems
    return [(one.severity, one.message, one.hint) for one in problems]


def test_a_waiver_accepts_every_finding_of_its_rule_and_no_other() -> None:
    accepted = accept(FOUND, [waiver()], TODAY, known=KNOWN, ran=KNOWN)
    by = Suppression("waiver", "replaced in spring", "PACS team", "2027-06-30")
    assert [one.suppression for one in accepted.findings] == [by, by, None]
    assert [one.counts for one in accepted.findings] == [False, False, True]
    assert accepted.problems == ()
    assert [one.fingerprint for one in accepted.findings] == [one.fingerprint for one in FOUND]


@pytest.mark.parametrize(("until", "holds"), [("2026-06-01", True), ("2026-05-31", False), ("2030-01-01", True)])
def test_it_holds_up_to_and_with_its_last_day(until: str, holds: bool) -> None:
    accepted = accept(FOUND, [waiver(until=until)], TODAY, known=KNOWN, ran=KNOWN)
    assert accepted.findings[0].counts is not holds
    assert bool(accepted.problems) is not holds


def test_an_ended_one_is_told_and_accepts_nothing() -> None:
    assert told([waiver(until="2026-05-31")]) == [
        (
            "warning",
            "the waiver for door-open ended on 2026-05-31: it accepts nothing any more",
            "mend what is found, or say until when it is accepted now",
        )
    ]
    assert told([waiver("old-version", "2026-05-31")])[0][2] == "remove it: nothing is found"


def test_a_rule_that_is_none_is_an_error_with_the_one_that_was_meant() -> None:
    assert told([waiver("dor-open"), waiver("something")]) == [
        ("error", "there is no audit rule dor-open to waive", "did you mean door-open?"),
        ("error", "there is no audit rule something to waive", "`orthancgen audit --list-rules` lists them"),
    ]


def test_one_that_accepts_nothing_is_told_where_its_rule_ran() -> None:
    message = "the waiver for old-version accepts nothing: the rule finds nothing here"
    assert told([waiver("old-version")]) == [("warning", message, "remove it")]
    assert accept(FOUND, [waiver("old-version")], TODAY, known=KNOWN, ran=["door-open"]).problems == ()


def test_of_two_that_hold_the_first_counts() -> None:
    waivers = [waiver(until="2026-01-01"), waiver(owner="first"), waiver(owner="second")]
    accepted = accept(FOUND, waivers, TODAY, known=KNOWN, ran=KNOWN)
    assert {one.suppression.owner for one in accepted.findings if one.suppression} == {"first"}
    assert len(accepted.problems) == 1


def test_problems_stand_where_the_waiver_is_written() -> None:
    asked: list[KeyPath] = []

    def place_of(path: KeyPath) -> Mark:
        asked.append(path)
        return Mark("prod.yaml", 9, 1, 2)

    found = accept((), [waiver("x"), waiver(until="2020-01-01")], TODAY, known=KNOWN, ran=KNOWN, place_of=place_of)
    assert asked == [("waivers", 0, "rule"), ("waivers", 1, "until")]
    assert [(one.place, one.key_path) for one in found.problems] == [
        ("prod.yaml:9:1", "waivers[0].rule"),
        ("prod.yaml:9:1", "waivers[1].until"),
    ]


def test_what_is_accepted_already_stays_so() -> None:
    (one,) = accept([finding(suppression=Suppression("baseline", "known"))], [waiver()], TODAY, known=KNOWN).findings
    assert one.suppression is not None
    assert one.suppression.kind == "baseline"
