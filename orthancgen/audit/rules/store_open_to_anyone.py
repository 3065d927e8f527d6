"""Anybody may store images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import at_reach, each_modality, may
from orthancgen.audit.looking_settings import holds, serving_dicom
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.site.problems import printable

_KEY: Final = "DicomAlwaysAllowStore"


def find(subject: Subject) -> Iterator[Hit]:
    """Every DICOM server that takes images of everybody, by default or on purpose."""
    for orthanc in serving_dicom(subject):
        if orthanc.flag(_KEY):
            yield Hit(
                f"{holds(orthanc, _KEY)}: every AE title from every address stores images{_overruled(orthanc)}",
                *orthanc.place(_KEY),
                severity=at_reach(subject, orthanc, Severity.HIGH),
            )


def _overruled(orthanc: Orthanc) -> str:
    """What has no effect beside it, and people rely on."""
    forbidden = [name for name, entry, _ in each_modality(orthanc) if not may(entry, "store")]
    said = []
    if forbidden:
        others = f" and {len(forbidden) - 1} others" if len(forbidden) > 1 else ""
        said.append(f"AllowStore of {printable(forbidden[0])}{others}")
    if orthanc.flag("DicomCheckModalityHost"):
        said.append("DicomCheckModalityHost")
    return f", whatever {' and '.join(said)} say" if said else ""


RULE: Final = Rule(
    id="store-open-to-anyone",
    severity=Severity.HIGH,
    confidence="certain",
    title="Anybody may store images (C-STORE)",
    why="Whoever reaches the port puts forged images among those of patients, or fills the disk; nothing tells them "
    "from real ones afterwards.",
    remedy="Set DicomAlwaysAllowStore to false and register under DicomModalities who sends images.",
    references=(
        orthanc_book("faq/security", "Securing the DICOM server"),
        hipaa("(c)(1)"),
        nist_pacs("PR.AC-4"),
    ),
    find=find,
)
