"""A container that stays down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import ends_by_itself, place, said
from orthancgen.audit.references import cis_docker, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every service that stays and is not started again."""
    for compose, service in subject.services:
        restart = said(service, "restart")
        stays_down = restart in (None, "no", False) and said(service, "deploy", "restart_policy") is None
        if stays_down and not ends_by_itself(compose, service):
            mark, path = place(service, "restart")
            yield Hit(
                f"{printable(service.name)} is not started again after a crash or a restart of the host", mark, path
            )


RULE: Final = Rule(
    id="no-restart-policy",
    severity=Severity.LOW,
    confidence="certain",
    title="A container stays down after a crash",
    why="Modalities keep what they could not send until their disk is full, or drop it; after a power cut nobody is "
    "there to start it.",
    remedy="Write `restart: unless-stopped`, or `on-failure:5` where a program that cannot start must not be "
    "tried for ever.",
    references=(
        cis_docker("5.15"),
        page("Compose: restart", "https://docs.docker.com/reference/compose-file/services/#restart"),
    ),
    find=find,
)
