"""Does the container engine answer, and is Compose at hand?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Remedy
from orthancgen.doctor.observe.engine import engine, in_containers
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network.consequences import EVERYTHING
from orthancgen.errors import (
    ComposeMissingError,
    EngineError,
    EngineRefusedError,
    EngineTooOldError,
    OrthancgenError,
)


def _answers(case: Case) -> Iterator[Finding]:
    error = engine(case)
    if not isinstance(error, OrthancgenError):
        return
    evidence = (Evidence(error.message, "container engine"),)
    cause, title, remedies = _kind(error)
    yield Diagnosis(cause, title, "container engine", evidence, (*remedies, *_hint(error)), explains=EVERYTHING)


def _kind(error: OrthancgenError) -> tuple[str, str, tuple[Remedy, ...]]:
    if isinstance(error, EngineRefusedError):
        title = "this user may not use the container engine, so nothing can be said of what runs"
        return "engine-refuses-this-user", title, (Remedy("ask as root, or as a user of the engine's group"),)
    if isinstance(error, EngineTooOldError):
        title = "the container engine is older than what is needed"
        return "engine-too-old", title, ()
    return (
        "engine-unreachable",
        "the container engine does not answer",
        (
            Remedy("see which engine is meant, and what it says", "docker version"),
            Remedy("start the engine", "systemctl start docker"),
            Remedy("see why it ended", "journalctl -u docker --since -1h --no-pager | tail -50"),
        ),
    )


def _hint(error: OrthancgenError) -> tuple[Remedy, ...]:
    return (Remedy(error.hint),) if error.hint else ()


def _compose(case: Case) -> Iterator[Finding]:
    from orthancgen.runtimes.compose.command import find_compose

    try:
        find_compose()
    except EngineError as error:
        missing = isinstance(error, ComposeMissingError)
        yield Diagnosis(
            "compose-missing" if missing else "engine-too-old",
            f"{case.site.environment} cannot be deployed or repaired from here: {error.message}",
            "Compose",
            (Evidence(error.message, "docker compose version"),),
            _hint(error) or (Remedy("install Compose 2.20 or newer"),),
        )


QUESTIONS: Final = (
    Question(
        "engine-answers", "Does the container engine answer?", "engine", _answers,
        ("engine-unreachable", "engine-refuses-this-user", "engine-too-old"), applies=in_containers,
    ),
    Question(
        "compose-at-hand", "Is Compose at hand, for deploys and repairs?", "engine", _compose,
        ("compose-missing", "engine-too-old"), applies=in_containers,
    ),
)  # fmt: skip
