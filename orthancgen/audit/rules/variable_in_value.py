"""A dollar sign in a value that is taken for a variable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_configuration import variable_problems
from orthancgen.audit.references import orthanc_book, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every variable in a configuration that nobody sets, as far as the variables of its Orthanc are known."""
    for orthanc in subject.orthancs:
        for problem in variable_problems(subject, orthanc):
            severity = None if problem.severity == "error" else Severity.MEDIUM
            yield Hit(problem.message, problem.mark, problem.path, hint=problem.hint, severity=severity)


RULE: Final = Rule(
    id="variable-in-value",
    severity=Severity.HIGH,
    confidence="certain",
    title="A dollar sign in a value is taken for a variable",
    why="Orthanc puts the variable's value in, or nothing: a password is another than the one that was written, and "
    "often a shorter one.",
    remedy="Write \\u0024 for a dollar sign in JSON; set the variable where one is meant.",
    references=(
        orthanc_book("users/configuration", "Environment variables"),
        page("orthanc-builder, which runs envsubst 0.1.5", "https://github.com/orthanc-server/orthanc-builder"),
    ),
    find=find,
)
