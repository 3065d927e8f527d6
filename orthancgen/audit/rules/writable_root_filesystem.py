"""A container that can rewrite the programs of its image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import is_true, place, said
from orthancgen.audit.references import cis_docker, cve, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every service without read_only."""
    for _, service in subject.services:
        if is_true(said(service, "read_only")):
            continue
        mark, path = place(service, "read_only")
        name = printable(service.name)
        if service.role == "orthanc":
            # In orthancteam/orthanc the plugin folders are writable by the user orthanc, and by root in every image.
            message = f"{name} can write into its image, where its plugins and its configuration lie"
            yield Hit(message, mark, path, severity=Severity.HIGH)
        else:
            yield Hit(f"{name} can write into its image", mark, path)


RULE: Final = Rule(
    id="writable-root-filesystem",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A container can write into its image",
    why="Whoever takes over the program puts tools and a way back in there, or in Orthanc's case a plugin, which stays "
    "until the container is made anew.",
    remedy="Write `read_only: true`, with `tmpfs: [/tmp]` or a volume for what it must write; orthancteam/orthanc "
    "runs so.",
    references=(cis_docker("5.13"), owasp_docker("8"), cve("CVE-2023-33466")),
    find=find,
)
