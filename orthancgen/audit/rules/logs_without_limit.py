"""A container whose output fills the disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import ends_by_itself, place, said
from orthancgen.audit.references import page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every service that writes its output to JSON files of any size."""
    for compose, service in subject.services:
        driver = said(service, "logging", "driver")
        if driver not in (None, "json-file") or said(service, "logging", "options", "max-size"):
            continue
        if ends_by_itself(compose, service):
            continue
        mark, path = place(service, "logging")
        name = printable(service.name)
        if driver is None:
            yield Hit(
                f"{name} leaves its log to the engine, which keeps all of it unless it was told otherwise", mark, path
            )
        else:
            yield Hit(f"{name} keeps all of its log: json-file without max-size", mark, path)


RULE: Final = Rule(
    id="logs-without-limit",
    severity=Severity.LOW,
    confidence="likely",
    title="The log of a container grows without end",
    why="A full disk stops Orthanc and its database, and whoever can make Orthanc complain can fill it.",
    remedy='Write `logging: {driver: json-file, options: {max-size: 10m, max-file: "5"}}`, or `driver: local`.',
    references=(page("Docker: JSON File logging driver", "https://docs.docker.com/engine/logging/drivers/json-file/"),),
    find=find,
)
