"""A configuration with which Orthanc does not start, or fails when it first reads a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_configuration import refusals
from orthancgen.audit.references import orthanc_book, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Everything in its files that stops an Orthanc. One without users is another rule's."""
    for orthanc in subject.orthancs:
        for problem in refusals(subject, orthanc):
            yield Hit(problem.message, problem.mark, problem.path, hint=problem.hint)


RULE: Final = Rule(
    id="configuration-refused",
    severity=Severity.HIGH,
    confidence="certain",
    title="Orthanc refuses its configuration",
    why="Orthanc does not start, or answers the first caller whom the setting concerns with an error: images wait on "
    "the modalities, and after a restart at night nobody knows why.",
    remedy="Correct the value; `Orthanc --config=-` prints every key with its type.",
    references=(
        orthanc_book("users/configuration"),
        orthanc_source("OrthancServer/Sources/OrthancConfiguration.cpp"),
    ),
    find=find,
)
