"""Figures: what is compared, what was measured in each round, the target, and whether it is reached."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Target:
    """What a median must keep to."""

    kind: Literal["at least", "at most", "below"]
    value: float

    def reached(self, value: float) -> bool:
        if self.kind == "at least":
            return value >= self.value
        return value <= self.value if self.kind == "at most" else value < self.value

    def __str__(self) -> str:
        return f"{self.kind} {self.value:g}"


@dataclass(frozen=True)
class Figure:
    """One number of each round.

    Attributes:
        what: what it says, for a reader.
        values: one of each round; the median is the figure.
        target: what the median must keep to; None where it is only told.
        measured: what the values were made of, one of each round, by a name with its unit.
        unit: of the values; empty for a ratio.
    """

    what: str
    values: tuple[float, ...]
    target: Target | None = None
    measured: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    unit: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        return None if self.target is None else self.target.reached(self.median)


@dataclass(frozen=True)
class Result:
    """What one benchmark found.

    Attributes:
        name: as on the command line.
        work: what was done, for a reader: on how much, how often.
        figures: what it found.
        notes: what a reader must know to judge the figures.
        full: whether it was the full work; a smoke test's figures say nothing.
        load: how many processes wanted to run in the minute before: on an idle machine near 0.
    """

    name: str
    work: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    full: bool = True
    load: float = 0.0


@dataclass(frozen=True)
class Size:
    """How much to do."""

    rounds: int
    quick: bool

    def of(self, full: int, quick: int) -> int:
        """A count: the full one, or the one of a smoke test."""
        return quick if self.quick else full


Measurement = Callable[[], Mapping[str, float]]
Rounds = Mapping[str, tuple[float, ...]]


def alternate(rounds: int, *measurements: Measurement) -> Rounds:
    """Run the measurements in turn, A B A B: what else the machine does meets all of them alike.

    Returns:
        What was measured, by name, one value of each round.
    """
    measured: dict[str, list[float]] = {}
    for _ in range(rounds):
        for measure in measurements:
            for name, value in measure().items():
                measured.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in measured.items()}


def ratio(what: str, measured: Rounds, above: str, below: str, target: Target | None = None) -> Figure:
    """A figure that divides, round by round, one measured value by another of the same round."""
    values = tuple(a / b for a, b in zip(measured[above], measured[below], strict=True))
    return Figure(what, values, target, {above: measured[above], below: measured[below]})
