"""A database within reach of what is reached from outside, and has nothing to do with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import DATABASES, network_place, orthanc_of, reached_from_outside, uses
from orthancgen.audit.references import nist_pacs, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeFile, ComposeService
from orthancgen.site.problems import printable

_SECTIONS: Final = {"postgres": ("PostgreSQL", "Odbc"), "mongo": ("MongoDB",)}
"""Sections by which an Orthanc keeps its index or its images in a database."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every network on which a database meets such a service."""
    for compose, database in subject.services:
        if database.role not in DATABASES:
            continue
        for network in database.networks:
            strangers = [
                printable(other.name)
                for other in compose.services.values()
                if network in other.networks and _is_stranger(subject, compose, other, database)
            ]
            if strangers:
                mark, path = network_place(database, network)
                message = (
                    f"the database {printable(database.name)} is on the network {printable(network)} with "
                    f"{', '.join(strangers)}, which other hosts reach and which does not need it"
                )
                yield Hit(message, mark, path)


def _is_stranger(subject: Subject, compose: ComposeFile, other: ComposeService, database: ComposeService) -> bool:
    if other.role in DATABASES or not (other.role == "proxy" or reached_from_outside(other)):
        return False
    if uses(other, database):
        return False
    orthanc = orthanc_of(subject, other)
    sections = _SECTIONS[database.role]
    return orthanc is None or not any(orthanc.is_set(section) for section in sections)


RULE: Final = Rule(
    id="networks-not-separated",
    severity=Severity.HIGH,
    confidence="certain",
    title="A database is on one network with what is reached from outside",
    why="Who takes over the proxy or Orthanc stands in front of the database at once, instead of behind one more wall.",
    remedy="Make three networks: one for what is published, one for Orthanc, the backend and the proxy, one for "
    "the database and the programs that use it.",
    references=(owasp_docker("5"), nist_pacs("PR.AC-5")),
    find=find,
)
