"""A container whose program is root."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import place, said
from orthancgen.audit.looking_images import image_of, starts_as
from orthancgen.audit.references import cis_docker, orthanc_book, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeService
from orthancgen.site.problems import printable

_ROOT: Final = frozenset({"0", "root"})


def find(subject: Subject) -> Iterator[Hit]:
    """Every service that is root, or may be because neither it nor what is known of its image says otherwise."""
    for _, service in subject.services:
        judged = _judged(service)
        if judged is not None:
            mark, path = place(service, "user")
            yield Hit(judged[1], mark, path, severity=judged[0])


def _judged(service: ComposeService) -> tuple[Severity, str] | None:
    user, name = said(service, "user"), printable(service.name)
    if user not in (None, ""):
        if str(user).partition(":")[0].strip() in _ROOT:
            return Severity.HIGH, f"{name} runs as root, by its own `user`"
        return None
    image = image_of(service.image).shown if service.image else "the image that is built here"
    known = "unknown" if service.built_from else starts_as(image_of(service.image))
    match known:
        case "root":
            return Severity.HIGH, f"{name} names no user, and {image} then runs as root"
        case "root above workers":
            return Severity.LOW, f"{name} names no user: the main process of {image} stays root, its workers do not"
        case "unknown":
            return Severity.LOW, f"{name} names no user, and what {image} then runs as is not known here"
        case _:
            return None


RULE: Final = Rule(
    id="container-runs-as-root",
    severity=Severity.HIGH,
    confidence="likely",
    title="A container runs as root",
    why="Whoever takes over the program is root in the container: can rewrite its files and mounts whatever their "
    "owner, and is one flaw of the kernel or the engine away from being root of the host.",
    remedy='Name a user that is not root, such as `user: "999:999"` for orthancteam/orthanc, which has that user, '
    "and give it the folders that it writes.",
    references=(cis_docker("4.1"), owasp_docker("2"), orthanc_book("faq/security")),
    find=find,
)
