"""DICOM is encrypted, and callers need not prove who they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import at_reach
from orthancgen.audit.looking_settings import holds, serving_dicom
from orthancgen.audit.references import dicom, hipaa, ihe_atna
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.orthanc.admission.configuration import CERTIFICATE_IGNORED_SINCE

_KEY: Final = "DicomTlsRemoteCertificateRequired"


def find(subject: Subject) -> Iterator[Hit]:
    """Every DICOM server with TLS that lets in callers without a certificate."""
    for orthanc in serving_dicom(subject):
        if not orthanc.flag("DicomTlsEnabled") or not orthanc.knows(_KEY) or orthanc.get(_KEY) is not False:
            continue
        then = (
            "a certificate is not even looked at"
            if orthanc.version >= CERTIFICATE_IGNORED_SINCE
            else "who shows no certificate is let in"
        )
        yield Hit(
            f"{holds(orthanc, _KEY)}: {then}",
            *orthanc.place(_KEY),
            severity=at_reach(subject, orthanc, Severity.HIGH),
        )


RULE: Final = Rule(
    id="dicom-client-certificate-optional",
    severity=Severity.HIGH,
    confidence="certain",
    title="DICOM over TLS asks callers for no certificate",
    why="TLS then hides the images from others and tells nothing about the caller: any program passes for a modality "
    "by its AE title.",
    remedy="Set DicomTlsRemoteCertificateRequired to true, with the authority of the modalities in "
    "DicomTlsTrustedCertificates.",
    references=(ihe_atna("ITI-19"), dicom(15, "B.12"), hipaa("(d)")),
    find=find,
)
