"""Keys, authorities and certificates as values. Nothing here touches a disk.

RFC 5280 is the profile; RFC 9325 section 4.5 asks for at least 2048 bits of RSA or 224 of ECC, and SHA-256; PS3.15
annex B.12 is the TLS profile in which DICOM uses them. From the CA/Browser Forum's Baseline Requirements come the
398 days at most for a server (section 6.3.2), the random serial of more than 64 bits (7.1), and no name but in the
subject alternative name that anybody compares (7.1.4.2).
"""

from __future__ import annotations

import datetime
import ipaddress
import secrets as random_source
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from orthancgen.certs.kinds import AuthorityName, KeyKind, Leaf, Purpose
from orthancgen.errors import InputError
from orthancgen.site.types import is_ip

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
AUTHORITY_DAYS: Final = 3650
BACKDATED: Final = datetime.timedelta(minutes=5)
"""For devices whose clocks are behind."""
MINIMUM_RSA_BITS: Final = 2048
CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_LONGEST_NAME: Final = 64  # ub-common-name, ub-organization-name: RFC 5280 appendix A.1


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority with its key."""

    name: AuthorityName
    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> str:
        """Its certificate."""
        return certificate_pem(self.certificate)

    @property
    def whole_pem(self) -> str:
        """Certificate and key."""
        return self.pem + key_pem(self.key)


def new_key(kind: KeyKind) -> PrivateKey:
    """A new private key."""
    if kind == "ecdsa_p256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=3072)


def new_authority(
    name: AuthorityName,
    common_name: str,
    organisation: str | None,
    kind: KeyKind,
    now: datetime.datetime,
    *,
    subject: x509.Name | None = None,
) -> Authority:
    """A self-signed authority that may sign certificates and revocation lists, and no further authority.

    Args:
        name: which of the site's authorities.
        common_name: what it is called; a few random digits are added.
        organisation: in its name, or None.
        kind: of its key.
        now: the moment from which it holds.
        subject: its whole name, instead of the two.
    """
    key = new_key(kind)
    # Two authorities of one name would be told apart by their key identifiers alone, which not every device looks at.
    subject = subject or _subject(f"{common_name} {random_source.token_hex(4)}", organisation)
    builder = (
        _builder(subject, subject, key.public_key(), now, now + datetime.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
    )
    return Authority(name, builder.sign(key, hashes.SHA256()), key)


def issue(
    authority: Authority,
    public_key: PublicKey,
    leaf: Leaf,
    organisation: str | None,
    days: int,
    now: datetime.datetime,
) -> x509.Certificate:
    """A certificate for a key. Everything that it says comes from `leaf`, nothing from who asks for it."""
    end = min(now + datetime.timedelta(days=days), authority.certificate.not_valid_after_utc)
    ski = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_subject(leaf.common_name, organisation), authority.certificate.subject, public_key, now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages(leaf.purpose)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False)
        .add_extension(x509.SubjectAlternativeName([general_name(host) for host in leaf.hosts]), critical=False)
    )
    return builder.sign(authority.key, hashes.SHA256())


def usages(purpose: Purpose) -> list[x509.ObjectIdentifier]:
    """Extended key usages (RFC 5280 section 4.2.1.12)."""
    wanted = ((purpose.server, ExtendedKeyUsageOID.SERVER_AUTH), (purpose.client, ExtendedKeyUsageOID.CLIENT_AUTH))
    return [oid for yes, oid in wanted if yes]


def general_name(host: str) -> x509.GeneralName:
    """A DNS name or address for the subject alternative name."""
    return x509.IPAddress(ipaddress.ip_address(host)) if is_ip(host) else x509.DNSName(host)


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """DNS names and addresses of the subject alternative name; empty where there is none."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(one.value) for one in names if isinstance(one, x509.DNSName | x509.IPAddress))


def usages_of(certificate: x509.Certificate) -> frozenset[x509.ObjectIdentifier]:
    """Its extended key usages; empty where it has none."""
    try:
        return frozenset(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return frozenset()


def signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key signed it, under the authority's name."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def public_key_of_request(pem: bytes) -> PublicKey:
    """The public key of a certificate request (PKCS #10, RFC 2986), the one thing that is taken from it.

    Raises:
        InputError: it is no request, its signature does not hold, or its key is too weak or of another kind.
    """
    try:
        request = x509.load_pem_x509_csr(pem) if b"-----BEGIN" in pem else x509.load_der_x509_csr(pem)
        valid, key = request.is_signature_valid, request.public_key()
    except Exception:
        raise InputError(
            "the file is no certificate request that can be read", hint="a PKCS #10 request in PEM or DER"
        ) from None
    if not valid:
        raise InputError("the signature of the request does not hold: its sender does not have the key")
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) and not (problem := weakness(key)):
        return key
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        problem = "the key is neither RSA nor of an elliptic curve"
    raise InputError(f"the request is refused: {problem}", hint="RSA of 2048 bits or more, or P-256, P-384, P-521")


def weakness(key: object) -> str | None:
    """Why a public key is too weak (RFC 9325 section 4.5), or None."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MINIMUM_RSA_BITS:
            return f"RSA of {key.key_size} bits, fewer than {MINIMUM_RSA_BITS}"
        return "an RSA exponent below 65537" if key.public_numbers().e < 65537 else None
    if isinstance(key, ec.EllipticCurvePublicKey):
        return None if isinstance(key.curve, CURVES) else f"the curve {key.curve.name}"
    return "a key that is neither RSA nor of an elliptic curve"


def load_certificates(pem: str) -> list[x509.Certificate]:
    """Every certificate of a PEM.

    Raises:
        ValueError: there is none, or one cannot be read.
    """
    return x509.load_pem_x509_certificates(pem.encode())


def load_key(pem: str, *, ours: bool = False) -> PrivateKey:
    """The private key of a PEM that may hold certificates too.

    Args:
        pem: the text.
        ours: it was generated here, so that its numbers need not be proven to be prime again, which takes 0.1 s a key.

    Raises:
        ValueError: there is none, it has a passphrase, or it is neither RSA nor of an elliptic curve.
    """
    start, end = pem.find("-----BEGIN"), -1
    while start >= 0:
        end = pem.find("-----END", start)
        if "PRIVATE KEY" in pem[start : pem.find("\n", start)]:
            break
        start = pem.find("-----BEGIN", end) if end >= 0 else -1
    if start < 0 or end < 0:
        raise ValueError("there is no private key in it")
    try:
        key = serialization.load_pem_private_key(
            pem[start:].encode(), password=None, unsafe_skip_rsa_key_validation=ours
        )
    except TypeError:
        raise ValueError("its key has a passphrase") from None
    except Exception:  # the library's own text may quote the input
        raise ValueError("its key cannot be read") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("its key is neither RSA nor of an elliptic curve")  # noqa: TRY004  of the file, not of a call
    return key


def same_key(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Whether the certificate is for that key."""
    return _spki(certificate.public_key()) == _spki(key.public_key())


def _spki(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def certificate_pem(certificate: x509.Certificate) -> str:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: PrivateKey) -> str:
    """A private key as PEM (PKCS #8), without a passphrase: Orthanc reads no other."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the whole certificate, as devices show it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def serial(certificate: x509.Certificate) -> str:
    """Its serial number in hexadecimal."""
    return f"{certificate.serial_number:x}"


def _subject(common_name: str, organisation: str | None) -> x509.Name:
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:_LONGEST_NAME])] if organisation else []
    return x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_LONGEST_NAME])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, now: datetime.datetime, end: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    """RFC 5280 section 4.2.1.3: an authority signs certificates and lists, all others sign handshakes.

    No key encipherment: that is RSA key exchange, which RFC 9325 section 4.1 forbids.
    """
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
