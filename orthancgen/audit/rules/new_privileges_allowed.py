"""A container whose programs may gain rights that they were not started with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import is_true, place, said, texts
from orthancgen.audit.references import cis_docker, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable

_FORBIDDEN: Final = frozenset({"no-new-privileges", "no-new-privileges:true"})


def find(subject: Subject) -> Iterator[Hit]:
    """Every service without no-new-privileges."""
    for _, service in subject.services:
        options = {text.replace("=", ":").strip().lower() for text in texts(said(service, "security_opt"))}
        if options & _FORBIDDEN or is_true(said(service, "privileged")):
            continue
        mark, path = place(service, "security_opt")
        yield Hit(f"{printable(service.name)} may gain new rights: security_opt has no no-new-privileges", mark, path)


RULE: Final = Rule(
    id="new-privileges-allowed",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A container's programs may gain new rights",
    why="A program that was taken over becomes root by any file of the image that has the set-user-id bit, although "
    "the container was started as another user.",
    remedy='Write `security_opt: ["no-new-privileges:true"]`.',
    references=(cis_docker("5.26"), owasp_docker("4")),
    find=find,
)
