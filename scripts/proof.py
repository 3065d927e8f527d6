"""Run the full counts of every sampled test on real servers and write what came of them: docs/proof.md.

Usage: python scripts/proof.py [FURTHER ARGUMENTS OF PYTEST]

With arguments, which choose some of the tests, the rows of the others stay as they were, each with its own day.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest

from bench.machine import facts

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs/proof.md"
VARIABLE: Final = "ORTHANCGEN_PROOF_FILE"
"""As tests/support/proof.py reads it."""

HEADER: Final = """\
# Proof

Written by `make proof`: the full counts of the tests that `make test` runs on a seeded sample. Every server is real.

"""


@dataclass
class Outcome:
    """What came of a test: its worst phase, its seconds, and the figures that it told."""

    result: str = "passed"
    seconds: float = 0.0
    figures: list[tuple[str, int, str]] = field(default_factory=list)


class Collector:
    """A plugin of pytest that keeps what came of each test."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for set-up, call and tear-down of each test."""
        outcome = self.outcomes.setdefault(report.nodeid, Outcome())
        outcome.seconds += report.duration
        if report.failed or (report.skipped and outcome.result == "passed"):
            outcome.result = report.outcome


def main() -> int:
    """Run and write; the exit code is pytest's, which is not 0 where there was no such test."""
    os.chdir(ROOT)
    collector = Collector()
    with TemporaryDirectory(prefix="proof-") as folder:
        figures = Path(folder) / "figures.jsonl"
        figures.touch()
        os.environ[VARIABLE] = str(figures)
        code = int(pytest.main(["-m", "proof", *sys.argv[1:]], plugins=[collector]))
        for line in figures.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            collector.outcomes.setdefault(row["test"], Outcome()).figures.append(
                (row["what"], row["count"], row["result"])
            )
    if collector.outcomes:
        chosen = len(sys.argv) > 1 and PAGE.exists()
        earlier = rows_of(PAGE.read_text(encoding="utf-8")) if chosen else {}
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        PAGE.write_text(page(collector.outcomes, facts(), day, earlier), encoding="utf-8")
        print(PAGE.relative_to(ROOT))
    return code


_TEST: Final = re.compile(r"^\|.*\| `([^`]*)` \|[^|]*\|[^|]*\|$")


def rows_of(text: str) -> dict[str, list[str]]:
    """Test -> its rows in an earlier page."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if matched := _TEST.match(line):
            found.setdefault(matched[1], []).append(line)
    return found


def page(
    outcomes: Mapping[str, Outcome], machine: Mapping[str, str], day: str, earlier: Mapping[str, list[str]]
) -> str:
    """The text of docs/proof.md: what ran on this day, and what an earlier page tells of other tests."""
    lines = [*(f"- {name}: {value}" for name, value in machine.items()), ""]
    lines += ["| what | count | result | test | seconds | day |", "|---|---|---|---|---|---|"]
    for test in sorted({*outcomes, *(_cell(test) for test in earlier)}):
        lines += rows(test, outcomes[test], day) if test in outcomes else earlier[test]
    return HEADER + "\n".join(lines) + "\n"


def rows(test: str, outcome: Outcome, day: str) -> Iterable[str]:
    """A row for each figure of a test; one without figures where it told none, or did not pass."""
    end = f"`{_cell(test)}` | {outcome.seconds:.0f} | {day} |"
    if outcome.result != "passed" or not outcome.figures:
        yield f"| | | **{outcome.result}** | {end}" if outcome.result != "passed" else f"| | | passed | {end}"
        return
    for what, count, result in outcome.figures:
        yield f"| {_cell(what)} | {count:,} | {_cell(result)} | {end}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
