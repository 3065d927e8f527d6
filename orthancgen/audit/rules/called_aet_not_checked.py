"""Calls for another AE title are taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import at_reach
from orthancgen.audit.looking_settings import holds, serving_dicom
from orthancgen.audit.references import dicom, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "DicomCheckCalledAet"


def find(subject: Subject) -> Iterator[Hit]:
    """Every DICOM server that is called by any name."""
    for orthanc in serving_dicom(subject):
        if not orthanc.flag(_KEY):
            yield Hit(
                f"{holds(orthanc, _KEY)}: calls for any AE title are taken, not only those for DicomAet",
                *orthanc.place(_KEY),
                severity=at_reach(subject, orthanc, Severity.MEDIUM),
            )


RULE: Final = Rule(
    id="called-aet-not-checked",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="The AE title by which Orthanc is called is not checked",
    why="A modality that was set up for another archive, or for the test system, stores its images here and nobody "
    "notices; and who searches the network need not guess a name.",
    remedy="Set DicomCheckCalledAet to true once every modality calls Orthanc by its DicomAet.",
    references=(
        orthanc_book("faq/security", "Securing the DICOM server"),
        dicom(8, "9.3.2"),
        nist_pacs("PR.AC-7"),
    ),
    find=find,
)
