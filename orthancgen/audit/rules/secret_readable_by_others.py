"""A secret that every user of the host reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_secrets import secret_files
from orthancgen.audit.references import hipaa, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every file with a secret whose mode lets others in; what git tracks is worse off, and another rule's."""
    for one in secret_files(subject):
        if one.mode is None or one.tracked:
            continue
        mode = f"{one.mode & 0o777:04o}"
        if one.mode & 0o007:
            yield Hit(
                f"it holds a secret and has the mode {mode}: every user and program of the host may read it",
                file=one.file,
            )
        elif one.mode & 0o070:
            message = f"it holds a secret and has the mode {mode}: its whole group may read it"
            yield Hit(message, file=one.file, severity=Severity.LOW)


RULE: Final = Rule(
    id="secret-readable-by-others",
    severity=Severity.HIGH,
    confidence="certain",
    title="A file with a secret is readable by others",
    why="Any program that somebody gets to run on the host, a web server or a script, reads the passwords and keys.",
    remedy="Write `chmod 600` and let it belong to the user that reads it (999 in orthancteam/orthanc).",
    references=(orthanc_book("faq/security"), hipaa("(a)(1)")),
    find=find,
)
