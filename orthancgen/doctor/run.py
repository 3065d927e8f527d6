"""Ask every question in order; what one cause explains is not asked about any more."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Protocol

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import AREAS, Area, Diagnosis, Note
from orthancgen.doctor.question import Answer, Asked, Question
from orthancgen.runtimes.proofs import noted


class Progress(Protocol):
    """Who wants to know what is asked."""

    def started(self, question: Question) -> None:
        """A question is about to be asked."""

    def done(self, answer: Answer) -> None:
        """And this came of it."""


def in_order(questions: Iterable[Question]) -> tuple[Question, ...]:
    """The questions by their areas; within one, as they stand."""
    return tuple(sorted(questions, key=lambda one: AREAS.index(one.area)))


def run(case: Case, questions: Iterable[Question], progress: Progress | None = None) -> tuple[Answer, ...]:
    """The answer to each question, in the order in which they were asked."""
    with noted(case.runtime.state):  # what the doctor itself asks is no fault, now or the next time
        return _run(case, questions, progress)


def _run(case: Case, questions: Iterable[Question], progress: Progress | None) -> tuple[Answer, ...]:
    explained: dict[Area, str] = {}
    answers = []
    for question in in_order(questions):
        if progress:
            progress.started(question)
        answer = _ask(case, question, explained)
        for finding in answer.findings:
            if isinstance(finding, Diagnosis):
                for area in finding.explains:
                    explained.setdefault(area, finding.cause)
        answers.append(answer)
        if progress:
            progress.done(answer)
    return tuple(answers)


def diagnoses(answers: Iterable[Answer]) -> tuple[Diagnosis, ...]:
    """The causes that were found, in the order of the questions."""
    return tuple(one for answer in answers for one in answer.findings if isinstance(one, Diagnosis))


def notes(answers: Iterable[Answer]) -> tuple[Note, ...]:
    """What is worth knowing and no fault, in the order of the questions."""
    return tuple(one for answer in answers for one in answer.findings if isinstance(one, Note))


def _ask(case: Case, question: Question, explained: dict[Area, str]) -> Answer:
    for area in AREAS:
        if area in explained and (area in question.needs or area == question.area):
            return Answer(question, Asked.EXPLAINED, detail=explained[area])
    began = time.monotonic()
    try:
        if not question.applies(case):
            return Answer(question, Asked.NOT_APPLICABLE)
        found = tuple(question.ask(case))
    except Exception as error:  # a question that breaks is told as such, and the others are asked
        return Answer(
            question, Asked.BROKEN, detail=f"{type(error).__name__}: {error}", seconds=time.monotonic() - began
        )
    return Answer(question, Asked.FOUND if found else Asked.WELL, found, seconds=time.monotonic() - began)
