"""A stored image is replaced by what comes later under its identifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import open_commands, reach, someone_may
from orthancgen.audit.looking_http import Reach
from orthancgen.audit.looking_settings import holds
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject

_KEY: Final = "OverwriteInstances"


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that replaces what it has; worse where everybody may store."""
    for orthanc in subject.orthancs:
        if not _replaces(orthanc):
            continue
        by_dicom = orthanc.flag("DicomServerEnabled") and someone_may(orthanc, "store")
        if not (by_dicom or orthanc.flag("HttpServerEnabled")):
            continue
        everybody = by_dicom and "store" in open_commands(orthanc) and reach(subject, orthanc) is Reach.NETWORK
        who = "anybody" if everybody else "whoever may store"
        yield Hit(
            f"{holds(orthanc, _KEY)}: {who} replaces an image by sending another one with its SOP Instance UID",
            *orthanc.place(_KEY),
            severity=Severity.HIGH if everybody else Severity.MEDIUM,
        )


def _replaces(orthanc: Orthanc) -> bool:
    return orthanc.knows(_KEY) and orthanc.get(_KEY) in (True, "Always")


RULE: Final = Rule(
    id="instances-overwritten",
    severity=Severity.HIGH,
    confidence="certain",
    title="Stored images are replaced",
    why="The image on which somebody based a diagnosis is gone, and nothing says that it was another one.",
    remedy='Set OverwriteInstances to "Never" (false before 1.13.0), or to "IfChanged" where corrections come in.',
    references=(
        orthanc_book("faq/security", "General configuration"),
        hipaa("(c)(1)"),
        nist_pacs("PR.DS-6"),
    ),
    find=find,
)
