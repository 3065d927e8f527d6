"""Objects of classes that nobody knows are stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import someone_may
from orthancgen.audit.looking_settings import holds, serving_dicom
from orthancgen.audit.references import dicom, nist_pacs, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "UnknownSopClassAccepted"


def find(subject: Subject) -> Iterator[Hit]:
    """Every DICOM server that takes objects of any class, from whoever may store."""
    for orthanc in serving_dicom(subject):
        if orthanc.flag(_KEY) and someone_may(orthanc, "store"):
            yield Hit(f"{holds(orthanc, _KEY)}: objects of any class are stored", *orthanc.place(_KEY))


RULE: Final = Rule(
    id="unknown-sop-class-accepted",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="Objects of unknown SOP classes are stored",
    why="Whatever calls itself DICOM is kept: files that no viewer shows and no check reads, and more input for the "
    "code that parses it.",
    remedy="Set UnknownSopClassAccepted to false, or name what is wanted in AcceptedSopClasses (1.12.6).",
    references=(
        orthanc_source("OrthancServer/Resources/Configuration.json"),
        dicom(4, "B.5"),
        nist_pacs("PR.PT-3"),
    ),
    find=find,
)
