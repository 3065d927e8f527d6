"""The addresses of callers are compared with something that is no address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dead import dead
from orthancgen.audit.looking_dicom import in_entry
from orthancgen.audit.looking_settings import serving_dicom
from orthancgen.audit.references import orthanc_book, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every modality that is never recognised, because its Host is no address as Orthanc writes them."""
    for orthanc in serving_dicom(subject):
        for one in dead(orthanc, "host"):
            name = str(one.path[1])
            yield Hit(f"{name}: {one.message}", *in_entry(orthanc, name, "Host"), hint=one.hint)


RULE: Final = Rule(
    id="modality-host-not-an-address",
    severity=Severity.HIGH,
    confidence="certain",
    title="A modality's Host is compared with the caller's address, and is none",
    why="Every call of this modality is refused. The usual way out is to turn the check off, and then everybody passes "
    "for it.",
    remedy="Write the modality's IPv4 address as its Host.",
    references=(
        orthanc_book("faq/security", "Securing the DICOM server"),
        orthanc_source("OrthancServer/Sources/main.cpp"),
    ),
    find=find,
)
