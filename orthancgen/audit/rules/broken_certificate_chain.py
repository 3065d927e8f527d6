"""A certificate that does not lead to the authority that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from orthancgen.audit.looking_certificates import chain, is_self_issued, subject_words, uses
from orthancgen.audit.references import dicom, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every certificate in use that an authority at hand has not signed, although it has its name."""
    at_hand = [one for pem in subject.target.pems for one in chain(pem)]
    for use in uses(subject):
        fault = _fault(chain(use.certificate), at_hand)
        if fault:
            yield Hit(f"{use.certificate.file}, which {use.words} uses: {fault}", use.mark, use.path)


def _fault(certificates: Sequence[x509.Certificate], at_hand: Sequence[x509.Certificate]) -> str:
    for position, (one, following) in enumerate(pairwise(certificates), start=1):
        if one.issuer != following.subject and not is_self_issued(one):
            return f"certificate {position + 1} of the file is not of the authority that signed certificate {position}"
    for one in certificates:
        if is_self_issued(one):
            continue
        named = [other for other in at_hand if other.subject == one.issuer]
        if named and not any(_signed(one, other) for other in named):
            return f"{subject_words(one)} is not signed by the authority of that name that is here"
        if named and all(_is_no_authority(other) for other in named):
            return f"{subject_words(one)} is signed by a certificate that is of no authority"
    return ""


def _signed(one: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(by)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _is_no_authority(one: x509.Certificate) -> bool:
    """Whether it says that it signs no others; old authorities say nothing."""
    try:
        value = one.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return isinstance(value, x509.BasicConstraints) and not value.ca


RULE: Final = Rule(
    id="broken-certificate-chain",
    severity=Severity.HIGH,
    confidence="certain",
    title="A certificate does not lead to its authority",
    why="Who trusts the authority refuses the connection: the certificate is of an older authority of the same name, "
    "or the file lacks what stands between them.",
    remedy="Have the certificate signed by the authority in use, and write the file in order: the server's "
    "certificate, then each one that signed the one before.",
    references=(rfc(5280, "section 6"), rfc(8446, "section 4.4.2"), dicom(15, "B.12")),
    find=find,
)
