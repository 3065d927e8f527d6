"""Two modalities have one AE title."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dead import dead
from orthancgen.audit.looking_dicom import in_entry
from orthancgen.audit.looking_settings import serving_dicom
from orthancgen.audit.references import dicom, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every modality whose AE title is that of one before it."""
    for orthanc in serving_dicom(subject):
        for one in dead(orthanc, "shared"):
            yield Hit(one.message, *in_entry(orthanc, str(one.path[1]), "AET"), hint=one.hint)


RULE: Final = Rule(
    id="shared-aet",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="Two modalities have the same AE title",
    why="Orthanc knows callers by their AE title: of two with the same one, the second is refused, or the check of the "
    "address no longer holds for either; and images moved to one go to the other.",
    remedy="Give each modality an AE title of its own.",
    references=(dicom(8, "9.3.2"), orthanc_source("OrthancServer/Sources/main.cpp")),
    find=find,
)
