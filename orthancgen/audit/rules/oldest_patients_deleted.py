"""When the disk is full, the oldest patients are deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, number
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_MODE: Final = "MaximumStorageMode"
_LIMITS: Final = {"MaximumStorageSize": "MB", "MaximumPatientCount": "patients"}


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc with a limit of its storage at which it makes room by deleting."""
    for orthanc in subject.orthancs:
        limits = [f"{limit} {unit}" for key, unit in _LIMITS.items() if (limit := number(orthanc, key) or 0) > 0]
        if not limits or (orthanc.knows(_MODE) and orthanc.get(_MODE) != "Recycle"):
            continue
        known = orthanc.knows(_MODE)
        how = holds(orthanc, _MODE) if known else f"Orthanc {orthanc.version} knows nothing but recycling"
        set_key = next(key for key in _LIMITS if (number(orthanc, key) or 0) > 0)
        yield Hit(
            f"{how}: at {' or '.join(limits)} the patients stored longest ago are deleted without a word",
            *orthanc.place(_MODE if orthanc.is_set(_MODE) else set_key),
            hint=None if known else "Update Orthanc to 1.11.2 or newer, or set the limit to 0 and watch the disk.",
        )


RULE: Final = Rule(
    id="oldest-patients-deleted",
    severity=Severity.HIGH,
    confidence="certain",
    title="A full storage deletes the oldest patients",
    why="Images that have to be kept for years disappear without a message as soon as the limit is reached. That is "
    "right for a cache, and the loss of an archive.",
    remedy='Set MaximumStorageMode to "Reject", so that new images are refused, and watch how full the storage is.',
    references=(
        orthanc_book("faq/features", "Recycling and protection of patients"),
        hipaa("(c)(1)"),
        nist_pacs("PR.IP-4"),
    ),
    find=find,
)
