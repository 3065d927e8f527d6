"""A certificate whose key or signature is too weak."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from orthancgen.audit.looking_certificates import chain, is_self_issued, subject_words
from orthancgen.audit.references import dicom, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_SHORTEST_RSA: Final = 2048
_SHORTEST_CURVE: Final = 224
_BROKEN_HASHES: Final = frozenset({"md2", "md4", "md5", "sha1"})


def find(subject: Subject) -> Iterator[Hit]:
    """Every certificate with a short key, or a signature that can be forged."""
    for pem in subject.target.pems:
        for certificate in chain(pem):
            for fault in _faults(certificate):
                yield Hit(f"{subject_words(certificate)} {fault}", file=pem.file)


def _faults(certificate: x509.Certificate) -> Iterator[str]:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SHORTEST_RSA:
        yield f"has an RSA key of {key.key_size} bits, fewer than {_SHORTEST_RSA}"
    elif isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < _SHORTEST_CURVE:
        yield f"has a key on a curve of {key.key_size} bits, fewer than {_SHORTEST_CURVE}"
    elif isinstance(key, dsa.DSAPublicKey):
        yield "has a DSA key, which TLS 1.3 does not know"
    try:
        hashed = certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        hashed = None
    # What signs itself is trusted because it is on a list, whatever its signature is worth.
    if hashed is not None and hashed.name in _BROKEN_HASHES and not is_self_issued(certificate):
        yield f"is signed with {hashed.name.upper()}, which can be forged"


RULE: Final = Rule(
    id="weak-certificate",
    severity=Severity.HIGH,
    confidence="certain",
    title="A certificate has a weak key or signature",
    why="A short key is computed from the certificate, and a signature with SHA-1 is forged: both let somebody pass "
    "for the archive, and today's programs refuse them.",
    remedy="Have a certificate issued with an RSA key of 2048 bits or more, or a key on P-256, signed with SHA-256.",
    references=(rfc(9325, "section 4.5"), dicom(15, "B.12")),
    find=find,
)
