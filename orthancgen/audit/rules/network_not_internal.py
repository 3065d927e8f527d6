"""A database that can call the world."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import DATABASES, network_place, reached_from_outside
from orthancgen.audit.references import nist_pacs, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeFile
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every network of a database that has a way out, and needs none."""
    for compose, database in subject.services:
        if database.role not in DATABASES:
            continue
        for network in database.networks:
            if network in compose.internal_networks or _needs_a_way_out(compose, network):
                continue
            mark, path = network_place(database, network)
            message = f"the network {printable(network)} of the database {printable(database.name)} leads to the world"
            yield Hit(message, mark, path)


def _needs_a_way_out(compose: ComposeFile, network: str) -> bool:
    """Whether a port is published from it, which no internal network allows: networks must be separated first."""
    return any(network in other.networks and reached_from_outside(other) for other in compose.services.values())


RULE: Final = Rule(
    id="network-not-internal",
    severity=Severity.LOW,
    confidence="certain",
    title="The network of a database leads to the world",
    why="Who takes over the database or a program beside it can fetch tools and carry records away.",
    remedy="Write `networks: {data: {internal: true}}`; programs that must call out have a second network.",
    references=(owasp_docker("5"), nist_pacs("PR.AC-5")),
    find=find,
)
