"""A caller that says nothing keeps its association for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, number, serving_dicom, set_to
from orthancgen.audit.references import nist_pacs, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "DicomScpTimeout"


def find(subject: Subject) -> Iterator[Hit]:
    """Every DICOM server that waits for its callers without end."""
    for orthanc in serving_dicom(subject):
        if number(orthanc, _KEY) == 0:
            threads = number(orthanc, "DicomThreadsCount") if orthanc.knows("DicomThreadsCount") else None
            yield Hit(
                f"{holds(orthanc, _KEY)}: {threads or 'a few'} silent associations stop the DICOM server",
                *orthanc.place(_KEY),
                fix=set_to(subject, orthanc, _KEY, 30),
            )


RULE: Final = Rule(
    id="association-without-limit",
    severity=Severity.LOW,
    confidence="certain",
    title="DICOM associations have no time limit",
    why="Each association holds a thread: modalities that were switched off in the middle of one, or a caller that "
    "means harm, shut out all others.",
    remedy="Set DicomScpTimeout to 30, which is the default.",
    references=(orthanc_source("OrthancServer/Resources/Configuration.json"), nist_pacs("PR.PT-4")),
    find=find,
)
