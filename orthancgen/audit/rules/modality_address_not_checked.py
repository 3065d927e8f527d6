"""A modality is known by a name that everybody can give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import at_reach, each_modality, requires_certificate
from orthancgen.audit.looking_settings import holds, serving_dicom
from orthancgen.audit.references import nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable

_KEY: Final = "DicomCheckModalityHost"


def find(subject: Subject) -> Iterator[Hit]:
    """Every DICOM server with modalities whose addresses it does not compare."""
    for orthanc in serving_dicom(subject):
        if orthanc.flag(_KEY) or not orthanc.knows(_KEY):
            continue
        names = [name for name, _, _ in each_modality(orthanc)]
        if not names and not orthanc.flag("DicomModalitiesInDatabase"):
            continue
        certificates = requires_certificate(orthanc)
        whom = "a modality" if not names else names[0] if len(names) == 1 else f"each of the {len(names)} modalities"
        who = "every holder of a trusted certificate" if certificates else "whoever knows its AE title"
        yield Hit(
            f"{holds(orthanc, _KEY)}: {who} passes for {printable(whom)} from any address",
            *orthanc.place(_KEY),
            severity=at_reach(subject, orthanc, Severity.MEDIUM if certificates else Severity.HIGH),
        )


RULE: Final = Rule(
    id="modality-address-not-checked",
    severity=Severity.HIGH,
    confidence="certain",
    title="A modality is known by its AE title alone",
    why="An AE title is no secret: it stands on the device, in every image and in every guide. Whoever gives it gets "
    "what the modality may do.",
    remedy="Set DicomCheckModalityHost to true, with the address of each modality as its Host.",
    references=(
        orthanc_book("faq/security", "Securing the DICOM server"),
        nist_pacs("PR.AC-7"),
    ),
    find=find,
)
