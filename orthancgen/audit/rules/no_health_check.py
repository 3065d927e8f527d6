"""A container of which nobody asks whether it still works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import ends_by_itself, is_true, place, said, texts
from orthancgen.audit.references import cis_docker, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeService
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every service that stays and has no health check, or has it turned off."""
    for compose, service in subject.services:
        if ends_by_itself(compose, service) or _is_checked(service):
            continue
        mark, path = place(service, "healthcheck")
        off = "has its health check turned off" if said(service, "healthcheck") is not None else "has no health check"
        yield Hit(f"{printable(service.name)} {off}", mark, path)


def _is_checked(service: ComposeService) -> bool:
    test = texts(said(service, "healthcheck", "test"))
    return bool(test) and test[0] != "NONE" and not is_true(said(service, "healthcheck", "disable"))


RULE: Final = Rule(
    id="no-health-check",
    severity=Severity.LOW,
    confidence="likely",
    title="Nobody notices when a container no longer works",
    why="An Orthanc that waits for a script or a full disk still runs: images are refused for hours before somebody "
    "sees it, and others are started before what they need is there.",
    remedy="Add a `healthcheck` without a password on its command line; a DICOM port is not covered by an HTTP check.",
    references=(
        cis_docker("5.27"),
        page("Compose: healthcheck", "https://docs.docker.com/reference/compose-file/services/#healthcheck"),
    ),
    find=find,
)
