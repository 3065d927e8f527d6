"""A certificate beside a key that is not its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from orthancgen.audit.looking_certificates import Use, chain, keys, uses
from orthancgen.audit.references import orthanc_book, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every pair of a certificate and a key that do not belong together."""
    for use in uses(subject):
        if _differ(use):
            beside = use.key.file if use.key is not None and use.key.file != use.certificate.file else "the same file"
            yield Hit(
                f"the key in {beside} is not that of the certificate in {use.certificate.file}, which {use.words} uses",
                use.mark,
                use.path,
            )


def _differ(use: Use) -> bool:
    certificates = chain(use.certificate)
    private = keys(use.key) if use.key is not None else ()
    if not certificates or not private:
        return False
    try:
        wanted = certificates[0].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        found = [one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for one in private]
    except (ValueError, UnsupportedAlgorithm):
        return False
    return wanted not in found


RULE: Final = Rule(
    id="certificate-and-key-differ",
    severity=Severity.HIGH,
    confidence="certain",
    title="A certificate and its key do not belong together",
    why="Orthanc does not start with them, nor does nginx: usually a certificate was renewed with a new key, and one "
    "of the two files was left as it was.",
    remedy="Put the key with which the certificate was requested beside it.",
    references=(orthanc_book("faq/dicom-tls"), orthanc_book("faq/https"), rfc(5280, "section 4.1.2.7")),
    find=find,
)
