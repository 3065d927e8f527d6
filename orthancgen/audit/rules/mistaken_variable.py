"""A variable of an Orthanc's container that does not do what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_configuration import mistaken_variables
from orthancgen.audit.references import orthanc_book, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every mistake in the variables of an Orthanc."""
    for orthanc in subject.orthancs:
        for problem in mistaken_variables(subject, orthanc):
            severity = Severity.HIGH if problem.severity == "error" else None
            yield Hit(problem.message, problem.mark, problem.path, hint=problem.hint, severity=severity)


RULE: Final = Rule(
    id="mistaken-variable",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A variable does not do what its name says",
    why="The image makes a key of every such name, and Orthanc ignores keys that it does not know without a word: the "
    "protection that was meant is not there.",
    remedy="Write the setting into a JSON file, or the variable by the rule of the image.",
    references=(
        orthanc_book("users/docker-orthancteam"),
        page(
            "orthanc-builder: configurator.py",
            "https://github.com/orthanc-server/orthanc-builder/blob/master/docker/orthanc/configurator.py",
        ),
    ),
    find=find,
)
