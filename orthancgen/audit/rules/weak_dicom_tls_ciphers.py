"""DICOM over TLS accepts ciphers without forward secrecy or authenticated encryption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import number, serving_dicom
from orthancgen.audit.looking_tls import weak
from orthancgen.audit.references import dicom, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable

_KEY: Final = "DicomTlsCiphersAccepted"
_TLS_1_3: Final = 5


def find(subject: Subject) -> Iterator[Hit]:
    """Every weak cipher of a list that a DICOM server with TLS 1.2 goes by."""
    for orthanc in serving_dicom(subject):
        if not (orthanc.flag("DicomTlsEnabled") and orthanc.knows(_KEY)):
            continue
        if (number(orthanc, "DicomTlsMinimumProtocolVersion") or 0) >= _TLS_1_3:
            continue
        said = orthanc.get(_KEY)
        for index, one in enumerate(said if isinstance(said, list) else ()):
            for cipher, why in weak([one] if isinstance(one, str) else []):
                yield Hit(f"the cipher {printable(cipher)} {why}", *orthanc.place(_KEY, index))


RULE: Final = Rule(
    id="weak-dicom-tls-ciphers",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="DICOM over TLS accepts weak ciphers",
    why="Without forward secrecy, what was recorded is read once the server's key is known; CBC with SHA-1 has let "
    "pieces of sessions be guessed.",
    remedy="Leave in DicomTlsCiphersAccepted only ECDHE-ECDSA-AES128-GCM-SHA256, ECDHE-RSA-AES128-GCM-SHA256 and the "
    "same with AES256-GCM-SHA384.",
    references=(dicom(15, "B.12"), rfc(9325, "section 4.2")),
    find=find,
)
