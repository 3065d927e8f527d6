"""DICOM over TLS on a port where everybody expects DICOM without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import doors
from orthancgen.audit.looking_http import Reach
from orthancgen.audit.looking_settings import serving_dicom
from orthancgen.audit.references import dicom, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_PLAIN: Final = {104: "dicom of old", 11112: "dicom", 4242: "Orthanc's own default"}


def find(subject: Subject) -> Iterator[Hit]:
    """Every port at which TLS is spoken and whose number says that it is not."""
    for orthanc in serving_dicom(subject):
        if not orthanc.flag("DicomTlsEnabled"):
            continue
        found = doors(subject, orthanc)
        outside = [door for door in found if door.reach is not Reach.CONTAINERS] or list(found)
        for door in outside:
            if door.port in _PLAIN:
                yield Hit(
                    f"TLS is spoken on port {door.port}, which stands for DICOM without it ({_PLAIN[door.port]})",
                    door.mark,
                    door.path,
                )


RULE: Final = Rule(
    id="tls-on-plain-dicom-port",
    severity=Severity.LOW,
    confidence="certain",
    title="DICOM over TLS uses a port of DICOM without TLS",
    why="Whoever sets up a modality, a firewall or a monitor by the port's number takes it for the plain one; calls "
    "then end without a message that says why.",
    remedy="Use port 2762 (dicom-tls).",
    references=(
        dicom(15, "B.12"),
        page("IANA port numbers", "https://www.iana.org/assignments/service-names-port-numbers/"),
    ),
    find=find,
)
