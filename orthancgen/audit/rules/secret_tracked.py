"""A file of secrets that is in git."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_secrets import for_secrets
from orthancgen.audit.references import cis_docker, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every file that is there for secrets and that git tracks."""
    for one in for_secrets(subject):
        if one.tracked:
            yield Hit("git tracks this file of secrets: it is in every clone, and stays in the history", file=one.file)


RULE: Final = Rule(
    id="secret-tracked",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A file of secrets is in git",
    why="Everybody with a clone, a fork, a backup or access to the build has the password or the key, now and after it "
    "was removed.",
    remedy="Make another secret; then `git rm --cached`, an entry in .gitignore, and a history without the file.",
    references=(owasp_docker("12"), cis_docker("4.10")),
    find=find,
)
