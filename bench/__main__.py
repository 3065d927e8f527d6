"""``python -m bench [NAME...]``: run benchmarks, print their figures, write results.md and results.json beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from bench import report
from bench.figures import Result, Size
from bench.machine import facts

BENCHMARKS: Final[Mapping[str, str]] = {
    "store": "storing",
    "customary": "customary",
    "send": "sending",
    "commands": "commands",
    "growth": "growth",
    "deploy": "deploying",
    "audit": "auditing",
    "scale": "scaling",
    "search": "searching",
    "page": "paging",
}
"""Name -> module of this package, whose ``measure(Size, Path) -> Result`` is the benchmark."""
HERE: Final = Path(__file__).resolve().parent
BUILT: Final = HERE.parent / "build/bench-apps"
"""The backend is built once for each state of its sources and kept there, outside what is measured."""


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(BENCHMARKS)))
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Pairs of runs.")
@click.option("--quick", is_flag=True, help="A smoke test: little work, not kept without --output.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder.  [default: bench/]")
def main(names: tuple[str, ...], rounds: int, quick: bool, output: Path | None) -> None:
    """Measure what is promised; without NAME, everything. Exit 1 where a target is not reached."""
    size = Size(1 if quick else rounds, quick)
    results = []
    for name in names or tuple(BENCHMARKS):
        print(f"{name}: ...", flush=True)
        load = os.getloadavg()[0]
        with TemporaryDirectory(prefix="bench-") as scratch:
            folder = Path(scratch)
            BUILT.mkdir(parents=True, exist_ok=True)
            (folder / "apps").symlink_to(BUILT)
            result: Result = import_module(f"bench.{BENCHMARKS[name]}").measure(size, folder)
        results.append(replace(result, load=round(load, 1)))
        for figure in result.figures:
            print(report.line(figure), flush=True)
        if output or not quick:
            (output or HERE).mkdir(parents=True, exist_ok=True)
            page = report.store(results, facts(), tuple(BENCHMARKS), output or HERE)
            print(f"  written to {page}", flush=True)
    if not quick and any(figure.reached is False for result in results for figure in result.figures):
        sys.exit(1)


if __name__ == "__main__":
    main()
