"""Images and names of patients cross the network unencrypted by DICOM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import crosses_foreign_lines, doors, reach
from orthancgen.audit.looking_hosts import is_public
from orthancgen.audit.looking_http import Reach
from orthancgen.audit.looking_settings import holds, serving_dicom
from orthancgen.audit.references import dicom, hipaa, nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.plan.gateway import plain_modalities

_KEY: Final = "DicomTlsEnabled"


def find(subject: Subject) -> Iterator[Hit]:
    """Every DICOM server without TLS that other hosts reach; worse where the lines are not the site's own."""
    for orthanc in serving_dicom(subject):
        yield from _by_gateway(subject, orthanc)
        if orthanc.flag(_KEY) or reach(subject, orthanc) is not Reach.NETWORK:
            continue
        why = crosses_foreign_lines(subject, orthanc)
        port = max(doors(subject, orthanc), key=lambda door: door.reach).port
        said = holds(orthanc, _KEY) if orthanc.knows(_KEY) else f"Orthanc {orthanc.version} has no TLS for DICOM"
        yield Hit(
            f"{said}: what goes through port {port} is readable on the way{f'; {why}' if why else ''}",
            *orthanc.place(_KEY),
            severity=Severity.HIGH if why else Severity.LOW,
        )


def _by_gateway(subject: Subject, orthanc: Orthanc) -> Iterator[Hit]:
    """The modalities of an environment of ours that the gateway lets in without TLS, to an Orthanc that has it."""
    plan = subject.plan
    why = crosses_foreign_lines(subject, orthanc)
    for name, modality in plain_modalities(plan.site).items() if plan is not None else ():
        far = why or ("its address is one of the Internet" if is_public(modality.address) else "")
        yield Hit(
            f"{name} comes by the gateway without TLS: what it sends is readable on the way{f'; {far}' if far else ''}",
            *orthanc.place("DicomModalities", name),
            severity=Severity.HIGH if far else Severity.LOW,
        )


RULE: Final = Rule(
    id="dicom-without-tls",
    severity=Severity.HIGH,
    confidence="certain",
    title="DICOM is spoken without encryption",
    why="Names, images and reports are read and changed by whoever is on the way, and a caller cannot prove who it is. "
    "Over lines of others that is a disclosure; within a network of its own it is what an intruder listens to first.",
    remedy="Set DicomTlsEnabled to true with a certificate, or let remote modalities come by a VPN.",
    references=(dicom(15, "B.12"), hipaa("(e)(1)"), nist_pacs("PR.DS-2")),
    find=find,
)
