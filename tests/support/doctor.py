"""Ask the doctor about a real environment, and count the faults that were injected and named."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from orthancgen.cli.output import load_environment, load_plan
from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis
from orthancgen.doctor.follow import Step, follow
from orthancgen.doctor.question import Answer, Asked
from orthancgen.doctor.questions import QUESTIONS
from orthancgen.doctor.run import diagnoses, run
from orthancgen.runtimes.runtime import runtime_of
from orthancgen.runtimes.state import State


class Injected(dict[str, bool]):
    """What was injected, with the runtime -> whether exactly that was named; and in which file of tests."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, str] = {}

    def __setitem__(self, what: str, named: bool) -> None:
        self.files[what] = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[0]
        super().__setitem__(what, named)

    def by_file(self) -> Iterator[tuple[str, int, int]]:
        """File, how many were injected there, and how many of them were named."""
        for file in sorted(set(self.files.values())):
            of_file = [named for what, named in self.items() if self.files[what] == file]
            yield file, len(of_file), sum(of_file)


_SECONDS: Final = 30.0
INJECTED: Final = Injected()
"""Told at the end of the tests."""


def ask(file: Path, state: Path, *, modality: str | None = None) -> tuple[Answer, ...]:
    """Every answer of the doctor about an environment; no question may be broken."""
    _, plan = load_plan(str(file))
    case = Case(
        load_environment(str(file)), runtime_of(plan, State(state), file), since=timedelta(hours=1), modality=modality
    )
    answers = run(case, QUESTIONS)
    broken = [(one.question.id, one.detail) for one in answers if one.asked is Asked.BROKEN]
    assert broken == []
    return answers


def followed(file: Path, state: Path, *, study: str | None = None, patient: str | None = None) -> tuple[Step, ...]:
    """The steps of a study or a patient on the way through an environment."""
    _, plan = load_plan(str(file))
    case = Case(load_environment(str(file)), runtime_of(plan, State(state), file))
    return follow(case, study=study, patient=patient)


def named(file: Path, state: Path, *, modality: str | None = None) -> dict[str, Diagnosis]:
    """The causes that are named, by their ids."""
    return {one.cause: one for one in diagnoses(ask(file, state, modality=modality))}


def assert_named(
    what: str, file: Path, state: Path, expected: str | Collection[str], *, modality: str | None = None
) -> dict[str, Diagnosis]:
    """Exactly the injected causes are named, each with evidence and a remedy.

    What has just happened may stand in no log yet, on a machine that is busy: where one is missing, and none is named
    that was not injected, the doctor is asked again.

    Args:
        what: the fault and the runtime, for the figure: "Orthanc killed, native".
        file: of the environment.
        state: its state folder.
        expected: id of the cause, or of the causes of faults that were injected together.
        modality: the one that is asked about.
    """
    wanted = {expected} if isinstance(expected, str) else set(expected)
    INJECTED[what] = False
    deadline = time.monotonic() + _SECONDS
    while set(found := named(file, state, modality=modality)) < wanted and time.monotonic() < deadline:
        time.sleep(0.5)
    assert set(found) == wanted, {cause: (one.title, one.evidence) for cause, one in found.items()}
    for one in found.values():
        assert one.evidence, one
        assert one.remedies, one
    INJECTED[what] = True
    return found


def assert_healthy(file: Path, state: Path) -> None:
    """No cause is named."""
    found = named(file, state)
    assert found == {}, found
