"""A secret that a compose file has in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_compose_secrets import written_out
from orthancgen.audit.references import cis_docker, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every literal in a variable, a command, a health check, a label, an argument of a build or a config."""
    for compose in subject.target.composes:
        for one in written_out(compose, subject.target.raw.get(compose.file, "")):
            yield Hit(one.words, one.mark, one.path)


RULE: Final = Rule(
    id="secret-in-compose",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A secret is written out in a compose file",
    why="Whoever reads the file, its history in git, or `docker inspect` of the container has the password; it is in "
    "the logs of every tool that prints its environment.",
    remedy="Make another secret, and hand that out as a file: `secrets:` with `..._FILE` variables, or for Orthanc a "
    "JSON file in /run/secrets; the file stays out of git.",
    references=(cis_docker("4.10"), owasp_docker("12")),
    find=find,
)
