"""How smooth is the list of studies for its user, of 100,000? Against the same page with 100, in the same run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypedDict

from bench.figures import Figure, Result, Size, Target

STUDIES = 100_000
QUICK_STUDIES = 2_000
FEW = 100
SECONDS = 600
QUICK_SECONDS = 5
NPM: Final = Path(__file__).resolve().parents[1] / "scripts/npm.py"
INTERACTION: Final = Target("at most", 200.0)
"""Good, as https://web.dev/articles/inp has it."""
SHIFT: Final = Target("at most", 0.1)
"""Good, as https://web.dev/articles/cls has it."""
TWICE: Final = Target("at most", 2.0)
TENTH_MORE: Final = Target("at most", 1.1)
ALONE: Final = ("opening",)
"""Scenarios in which the page's scripts are read and run for the first time: no interactions."""


class Seen(TypedDict):
    """What tests/smooth.ts of the viewer saw; times in milliseconds."""

    tasks: list[float]
    interactions: list[float]
    shift: float
    frames: int
    dropped: int
    longestGap: float
    requests: int


class Scenario(TypedDict):
    """Times until what was asked for was shown, in milliseconds; how long it all took; and what was seen."""

    waits: list[float]
    seconds: float
    seen: Seen


class Heap(TypedDict):
    """Bytes and nodes of documents that live, before and after so many arrivals."""

    before: int
    after: int
    nodesBefore: int
    nodesAfter: int
    arrivals: int


class Figures(TypedDict):
    """What tests/bench/page.ts of the viewer writes of one site."""

    studies: int
    scenarios: dict[str, Scenario]
    heap: Heap


class Run(TypedDict):
    """Both sites of one run."""

    few: Figures
    many: Figures


def measure(size: Size, folder: Path) -> Result:
    """Use the list as people do, and have studies arrive, in a real browser, on both sites in turn."""
    count = size.of(STUDIES, QUICK_STUDIES)
    runs = [_run(folder / f"page-{number}.json", count, size) for number in range(size.rounds)]
    many, few = [one["many"] for one in runs], [one["few"] for one in runs]
    return Result(
        "page",
        f"{count} studies and {FEW}, each with database, backend and viewer's server, in Chromium: six searches typed "
        "letter by letter, every column both ways, 50 pages turned, filters, scrolling; the same searches while five "
        f"studies arrive a second, then {size.of(SECONDS, QUICK_SECONDS)} s of such arrivals on an open page",
        (
            Figure(
                "each key and click until the page is painted: 98th percentile",
                tuple(_percentile(_interactions(one), 98) for one in many),
                INTERACTION,
                {
                    f"{name}: {percent}th percentile of keys and clicks, ms": tuple(
                        _percentile(_interactions(one), percent) for one in sites
                    )
                    for name, sites in (("many", many), ("few", few))
                    for percent in (75, 98)
                },
                "ms",
            ),
            _ratio("from the last key of a search until its results are shown", many, few, "typing"),
            _ratio(
                "the same while five studies arrive a second", many, few, "typing while studies arrive", target=TWICE
            ),
            _ratio("from a click on a column until the list is in its order", many, few, "sorting"),
            _ratio("from a filter until its results are shown", many, few, "filtering"),
            _ratio("from the address until the list is shown", many, few, "opening"),
            Figure(
                "frames left out while the list is scrolled",
                tuple(_dropped(one, "scrolling") for one in many),
                None,
                {
                    "few: frames left out, %": tuple(_dropped(one, "scrolling") for one in few),
                    "a patient's 500 studies: frames left out, %": tuple(
                        _dropped(one, "scrolling a patient's studies") for one in many
                    ),
                },
                "%",
            ),
            Figure(
                "layout shift while studies arrive and somebody reads",
                tuple(one["scenarios"]["reading while studies arrive"]["seen"]["shift"] for one in many),
                SHIFT,
            ),
            Figure(
                "requests of the list a second, while five studies arrive a second",
                tuple(_requests(one) for one in many),
                TENTH_MORE,
                {"few: requests a second": tuple(_requests(one) for one in few)},
            ),
            Figure(
                f"memory of the page after {many[0]['heap']['arrivals']} arrivals / before",
                tuple(one["heap"]["after"] / one["heap"]["before"] for one in many),
                TENTH_MORE,
                {
                    "heap before, MiB": tuple(one["heap"]["before"] / 2**20 for one in many),
                    "heap after, MiB": tuple(one["heap"]["after"] / 2**20 for one in many),
                    "nodes before": tuple(float(one["heap"]["nodesBefore"]) for one in many),
                    "nodes after": tuple(float(one["heap"]["nodesAfter"]) for one in many),
                },
            ),
            Figure(
                "longest task of the page, opening left out",
                tuple(_longest(one) for one in many),
                None,
                {"few: longest task, ms": tuple(_longest(one) for one in few)},
                "ms",
            ),
        ),
        (
            "A pause in the typing of 150 ms, after which a search is asked for, is part of the times of searches.",
            "The browser tells tasks from 50 ms on, 0 where there was none, and keys and clicks in steps of 8 ms.",
            "Browser (without a graphics card), servers and databases share the processor.",
        ),
        not size.quick,
    )


def _interactions(site: Figures) -> list[float]:
    return [ms for name, one in site["scenarios"].items() if name not in ALONE for ms in one["seen"]["interactions"]]


def _longest(site: Figures) -> float:
    tasks = (ms for name, one in site["scenarios"].items() if name not in ALONE for ms in one["seen"]["tasks"])
    return max(tasks, default=0.0)


def _dropped(site: Figures, scenario: str) -> float:
    seen = site["scenarios"][scenario]["seen"]
    return 100 * seen["dropped"] / (seen["frames"] + seen["dropped"])


def _requests(site: Figures) -> float:
    scenario = site["scenarios"]["studies arrive"]
    return scenario["seen"]["requests"] / scenario["seconds"]


def _ratio(
    what: str, many: Sequence[Figures], few: Sequence[Figures], scenario: str, target: Target | None = TWICE
) -> Figure:
    medians = [tuple(statistics.median(one["scenarios"][scenario]["waits"]) for one in sites) for sites in (many, few)]
    slowest = tuple(max(one["scenarios"][scenario]["waits"]) for one in many)
    measured: Mapping[str, tuple[float, ...]] = {
        f"{scenario}: median of many, ms": medians[0],
        f"{scenario}: slowest of many, ms": slowest,
        f"{scenario}: median of few, ms": medians[1],
    }
    values = tuple(a / b for a, b in zip(*medians, strict=True))
    return Figure(f"{what}, many / few", values, target, measured)


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _run(output: Path, count: int, size: Size) -> Run:
    environment = os.environ | {
        "PAGE_STUDIES": str(count),
        "PAGE_FEW": str(FEW),
        "PAGE_SECONDS": str(size.of(SECONDS, QUICK_SECONDS)),
        "PAGE_OUTPUT": str(output),
        "ORTHANCGEN_SECANTUSD": str(Path(sys.executable).parent / "secantusd-py"),
    }
    command = [sys.executable, str(NPM), "viewer", "bench"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    run: Run = json.loads(output.read_text(encoding="utf-8"))
    return run
