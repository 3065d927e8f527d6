"""A database that other hosts can call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import DATABASES, is_loopback, place, said, shown_port
from orthancgen.audit.references import cis_docker, mongodb, nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every database with a published port, or on the host's own network."""
    for _, service in subject.services:
        if service.role not in DATABASES:
            continue
        name = printable(service.name)
        for port in service.ports:
            what = f"the database {name} publishes {shown_port(port)}"
            if is_loopback(port):
                message = f"{what} to every program and user of the host"
                yield Hit(message, port.mark, port.path, severity=Severity.LOW)
            else:
                where = printable(port.host_address) or "every address of the host"
                yield Hit(f"{what} on {where}", port.mark, port.path)
        if said(service, "network_mode") == "host":
            mark, path = place(service, "network_mode")
            yield Hit(f"the database {name} listens on the host's own network", mark, path)


RULE: Final = Rule(
    id="database-exposed",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A database can be called from other hosts",
    why="Whoever reaches it tries passwords, or needs none: MongoBleed (CVE-2025-14847) reads the server's memory "
    "before any login.",
    remedy="Remove the published port: containers reach each other by their names on a network of their own.",
    references=(mongodb("Limit Network Exposure"), cis_docker("5.9"), nist_pacs("PR.AC-5")),
    find=find,
)
