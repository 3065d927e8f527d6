"""DICOM over TLS accepts a version that is no longer safe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import at_reach
from orthancgen.audit.looking_settings import holds, number, serving_dicom
from orthancgen.audit.references import dicom, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject

_KEY: Final = "DicomTlsMinimumProtocolVersion"
_CIPHERS: Final = "DicomTlsCiphersAccepted"
_TLS_1_2: Final = 4
_WORDS: Final = {1: "SSL 3.0", 2: "TLS 1.0", 3: "TLS 1.1"}


def find(subject: Subject) -> Iterator[Hit]:
    """Every DICOM server with TLS that goes below TLS 1.2, or cannot be used with what it says."""
    for orthanc in serving_dicom(subject):
        found = _judged(orthanc) if orthanc.flag("DicomTlsEnabled") else None
        if found is not None:
            severity, message, hint = found
            yield Hit(
                message,
                *orthanc.place(_KEY),
                hint=hint,
                severity=at_reach(subject, orthanc, severity),
            )


def _judged(orthanc: Orthanc) -> tuple[Severity, str, str | None] | None:
    """Severity, message and remedy; None where nothing is wrong.

    The profile that 0 stands for, and that is the only one before 1.12.4, is DCMTK's retired one of BCP 195. It goes on
    with TLS 1.0 and AES128-SHA where a caller offers nothing better: seen with 1.10.1 and 1.13.0.
    """
    if not orthanc.knows(_KEY):
        message = f"Orthanc {orthanc.version} goes on with TLS 1.0 where a caller offers nothing newer"
        return Severity.MEDIUM, message, "Update Orthanc to 1.12.4 or newer, which can be told otherwise."
    oldest = number(orthanc, _KEY)
    if oldest is None:
        return None
    if oldest == 0:
        then = "Orthanc's own profile goes on with TLS 1.0 where a caller offers nothing newer"
        return Severity.MEDIUM, f"{holds(orthanc, _KEY)}: {then}", None
    if oldest < _TLS_1_2:
        named = _WORDS.get(oldest, "versions older than TLS 1.2")
        return Severity.HIGH, f"{holds(orthanc, _KEY)}: {named} and newer are accepted", None
    if not orthanc.get(_CIPHERS):
        message = f"{holds(orthanc, _KEY)}, and {_CIPHERS} names no cipher: no caller can connect"
        return Severity.HIGH, message, f"Name the ciphers in {_CIPHERS}: this setting needs them."
    return None


RULE: Final = Rule(
    id="old-dicom-tls-version",
    severity=Severity.HIGH,
    confidence="certain",
    title="DICOM over TLS accepts versions of TLS older than 1.2",
    why="TLS 1.0 and 1.1 rest on MD5 and SHA-1 and are forbidden since 2021; somebody on the way can make both sides "
    "fall back to them.",
    remedy="Set DicomTlsMinimumProtocolVersion to 4 (TLS 1.2), and DicomTlsCiphersAccepted to "
    "ECDHE-ECDSA-AES128-GCM-SHA256, ECDHE-RSA-AES128-GCM-SHA256 and the same with AES256-GCM-SHA384.",
    references=(dicom(15, "B.12"), rfc(8996), rfc(9325, "section 3.1.1")),
    find=find,
)
