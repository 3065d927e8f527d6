"""A question of the doctor: what it asks, in which area, and when it makes no sense to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Area, Finding


@dataclass(frozen=True, slots=True)
class Question:
    """One question; a module of `questions/` each.

    Attributes:
        id: in kebab-case, unique.
        text: the question, for a reader: "Does the name lead here?"
        area: where it belongs; decides when it is asked.
        ask: looks, and returns what it found: nothing where all is well.
        needs: areas that must not be explained by a cause already; its own is always one of them.
        causes: the ids of the causes that it can name.
        applies: whether it makes sense for this environment at all.
    """

    id: str
    text: str
    area: Area
    ask: Callable[[Case], Iterable[Finding]]
    causes: tuple[str, ...]
    needs: frozenset[Area] = field(default_factory=frozenset)
    applies: Callable[[Case], bool] = lambda _case: True


class Asked(StrEnum):
    """What became of a question."""

    WELL = "well"
    FOUND = "found"
    EXPLAINED = "explained by what was found before"
    NOT_APPLICABLE = "not applicable"
    BROKEN = "could not be asked"


@dataclass(frozen=True, slots=True)
class Answer:
    """A question with what came of it.

    Attributes:
        question: which.
        asked: what became of it.
        findings: what it found.
        detail: why it could not be asked, or by which cause it is explained.
        seconds: how long it took.
    """

    question: Question
    asked: Asked
    findings: tuple[Finding, ...] = ()
    detail: str | None = None
    seconds: float = 0.0
