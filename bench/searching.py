"""How long does the list of studies take to search and sort, among 100,000? Against the database's own search."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

from bench.figures import Figure, Result, Size, Target

STUDIES = 100_000
QUICK_STUDIES = 2_000
SCANS = 3
QUICK_SCANS = 2
NPM: Final = Path(__file__).resolve().parents[1] / "scripts/npm.py"
WITHIN: Final = Target("at most", 200.0)
NOTHING: Final = Target("at most", 0.0)


class Measured(TypedDict):
    """What tests/bench/search.ts of the backend writes; times in milliseconds, memory in MiB."""

    count: int
    read: float
    before: float
    after: float
    times: dict[str, list[float]]
    arriving: list[float]
    scans: list[float]
    plans: list[str]


def measure(size: Size, folder: Path) -> Result:
    """Fill a database, start a backend on it, and ask for each kind of search in each order and on several pages."""
    count = size.of(STUDIES, QUICK_STUDIES)
    rounds = [_run(folder / f"search-{number}.json", count, size) for number in range(size.rounds)]
    every = [[ms for times in one["times"].values() for ms in times] for one in rounds]
    kinds = {
        f"{kind}: {what}, ms": tuple(choose(one["times"][kind]) for one in rounds)
        for kind in rounds[0]["times"]
        for what, choose in (("median", statistics.median), ("slowest", max))
    }
    alike = {
        "every search: median, ms": tuple(statistics.median(times) for times in every),
        "every search: slowest, ms": tuple(max(times) for times in every),
        "the database's own search: median, ms": tuple(statistics.median(one["scans"]) for one in rounds),
    }
    memory = tuple((one["after"] - one["before"]) * 2**20 / one["count"] for one in rounds)
    return Result(
        "search",
        f"{count} studies with names of many scripts; {len(rounds[0]['times'])} kinds of search in 6 orders, "
        f"both ways, the first, second, middle and last page of 50: {len(every[0])} requests to a backend over HTTP",
        (
            Figure("95th percentile of all searches", tuple(map(_p95, every)), WITHIN, alike, "ms"),
            Figure(
                "95th percentile of the kind that takes longest",
                tuple(max(_p95(times) for times in one["times"].values()) for one in rounds),
                WITHIN,
                kinds,
                "ms",
            ),
            Figure(
                "95th percentile, 4 at once, while ten studies change a second",
                tuple(_p95(one["arriving"]) for one in rounds),
                WITHIN,
                {"4 at once: median, ms": tuple(statistics.median(one["arriving"]) for one in rounds)},
                "ms",
            ),
            Figure(
                "queries to the database whose plan has no index",
                tuple(float(sum("COLLSCAN" in plan for plan in one["plans"])) for one in rounds),
                NOTHING,
            ),
            Figure(
                "median search / the database's own search (regular expressions, count, sort)",
                tuple(
                    statistics.median(times) / statistics.median(one["scans"])
                    for times, one in zip(every, rounds, strict=True)
                ),
            ),
            Figure("memory of the backend for each study", memory, unit="B"),
            Figure("until the list is read after a start", tuple(one["read"] / 1000 for one in rounds), unit="s"),
        ),
        (
            f"Plans of what searches ask of the database: {', '.join(rounds[0]['plans'])}.",
            "The backend keeps what lists are searched by in memory; until it is read, the database searches.",
            "The database is SecantusDB; client, backend and database share the processor.",
        ),
        not size.quick,
    )


def _p95(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def _run(output: Path, count: int, size: Size) -> Measured:
    environment = os.environ | {
        "SEARCH_STUDIES": str(count),
        "SEARCH_SCANS": str(size.of(SCANS, QUICK_SCANS)),
        "SEARCH_OUTPUT": str(output),
        "ORTHANCGEN_SECANTUSD": str(Path(sys.executable).parent / "secantusd-py"),
    }
    command = [sys.executable, str(NPM), "backend", "bench"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    measured: Measured = json.loads(output.read_text(encoding="utf-8"))
    return measured
