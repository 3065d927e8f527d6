"""Anybody may test the connection, and with it open an association."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import at_reach, each_modality
from orthancgen.audit.looking_settings import holds, serving_dicom
from orthancgen.audit.references import nist_pacs, orthanc_book, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "DicomAlwaysAllowEcho"


def find(subject: Subject) -> Iterator[Hit]:
    """Every DICOM server that answers C-ECHO to everybody, by default or on purpose."""
    for orthanc in serving_dicom(subject):
        if not orthanc.flag(_KEY):
            continue
        registered = sum(1 for _ in each_modality(orthanc))
        beside = f", although {registered} modalities are registered" if registered > 1 else ""
        yield Hit(
            f"{holds(orthanc, _KEY)}: every AE title from every address opens an association{beside}",
            *orthanc.place(_KEY),
            severity=at_reach(subject, orthanc, Severity.MEDIUM),
        )


RULE: Final = Rule(
    id="echo-open-to-anyone",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="Anybody may call the DICOM server (C-ECHO)",
    why="With one command open, Orthanc accepts an association of any caller: strangers find the archive, hold its few "
    "threads, and reach the code that reads their requests.",
    remedy="Set DicomAlwaysAllowEcho to false and register each modality under DicomModalities.",
    references=(
        orthanc_book("faq/security", "Securing the DICOM server"),
        orthanc_source("OrthancServer/Sources/main.cpp"),
        nist_pacs("PR.AC-3"),
    ),
    find=find,
)
