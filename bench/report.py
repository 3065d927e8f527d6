"""results.json, which later runs of single benchmarks add to, and results.md, written from it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.figures import Figure, Result

HEADER = """\
# Results

Written by `make bench`; a single one is run again by `python -m bench NAME`. Each figure is the median over the rounds
of a ratio between two things measured in turn, A B A B, in one run on one machine: what else it did met both.
"""


def store(results: Iterable[Result], machine: Mapping[str, str], order: Sequence[str], folder: Path) -> Path:
    """Write both files into the folder; results of other benchmarks stay where they are from the same machine.

    Returns:
        The path of results.md.
    """
    kept = _kept(folder / "results.json", machine)
    kept |= {result.name: _document(result) for result in results}
    ordered = {name: kept[name] for name in order if name in kept}
    document = {"machine": dict(machine), "results": ordered}
    (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    page = folder / "results.md"
    page.write_text(markdown(ordered, machine), encoding="utf-8")
    return page


def _kept(path: Path, machine: Mapping[str, str]) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(document["results"]) if document.get("machine") == dict(machine) else {}


def _document(result: Result) -> dict[str, Any]:
    document = asdict(result)
    for row, figure in zip(document["figures"], result.figures, strict=True):
        row |= {
            "values": [_rounded(value) for value in figure.values],
            "measured": {name: [_rounded(value) for value in values] for name, values in figure.measured.items()},
            "target": str(figure.target) if figure.target else None,
            "median": _rounded(figure.median),
            "reached": figure.reached,
        }
    return document


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def markdown(results: Mapping[str, Any], machine: Mapping[str, str]) -> str:
    """The page, from the documents of the results."""
    lines = [HEADER, *(f"- {name}: {value}" for name, value in machine.items()), ""]
    for name, result in results.items():
        lines += [f"## {name}", "", f"`python -m bench {name}`: {result['work']}.", ""]
        if not result["full"]:
            lines += ["**A smoke test: these figures say nothing.**", ""]
        lines += ["| figure | target | median | min to max | rounds | |", "|---|---|---|---|---|---|"]
        lines += [_row(figure) for figure in result["figures"]]
        lines += ["", "| measured | median | min to max |", "|---|---|---|"]
        measured = {label: values for figure in result["figures"] for label, values in figure["measured"].items()}
        lines += [f"| {label} | {_middle(values)} | {_span(values)} |" for label, values in measured.items()]
        load = f"Load average of the machine before the run: {result['load']:g}."
        lines += ["", *(f"- {note}" for note in (*result["notes"], load)), ""]
    return "\n".join(lines)


def _row(figure: Mapping[str, Any]) -> str:
    unit = f" {figure['unit']}" if figure["unit"] else ""
    verdict = {True: "reached", False: "**not reached**", None: ""}[figure["reached"]]
    values = figure["values"]
    target = f"{figure['target']}{unit}" if figure["target"] else "-"
    median = f"{figure['median']:.3g}{unit}"
    return f"| {figure['what']} | {target} | {median} | {_span(values)} | {len(values)} | {verdict} |"


def _middle(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3g}"


def _span(values: Sequence[float]) -> str:
    return f"{min(values):.3g} to {max(values):.3g}"


def line(figure: Figure) -> str:
    """A figure for the terminal."""
    verdicts = {True: f"reached ({figure.target})", False: f"NOT REACHED ({figure.target})", None: "no target"}
    value = f"{figure.median:.3g} {figure.unit}".rstrip()
    return f"  {figure.what}: {value} ({_span(figure.values)}), {verdicts[figure.reached]}"
