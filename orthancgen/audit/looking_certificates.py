"""Which certificates and keys the programs of a set-up use, as far as their files are at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtensionOID

from orthancgen.audit.looking_files import container_with, host_file, same_file
from orthancgen.audit.looking_hosts import address_of
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import Directive, NginxFile, PemFile
from orthancgen.foreign.pems import certificates, private_keys
from orthancgen.site.problems import KeyPath, Mark, printable


@dataclass(frozen=True, slots=True)
class Use:
    """A certificate and its key as a program is told to use them.

    Attributes:
        words: by whom, and for what.
        certificate: the file with the certificate, its chain behind it.
        key: the file with the key; the same one where both stand in it.
        names: hosts by which the program is reached with it; empty where nothing says so.
        mark, path: where the certificate is named.
    """

    words: str
    certificate: PemFile
    key: PemFile | None
    names: tuple[str, ...]
    mark: Mark
    path: KeyPath


@lru_cache(maxsize=256)
def chain(pem: PemFile) -> tuple[x509.Certificate, ...]:
    """The certificates of a file."""
    return certificates(pem)


@lru_cache(maxsize=256)
def keys(pem: PemFile) -> tuple[PrivateKeyTypes, ...]:
    """The private keys of a file that need no password."""
    return private_keys(pem)


def uses(subject: Subject) -> Iterator[Use]:
    """Every use of a certificate that is at hand."""
    for orthanc in subject.orthancs:
        if orthanc.flag("HttpServerEnabled") and orthanc.flag("SslEnabled"):
            yield from _of_orthanc(subject, orthanc, "SslCertificate", "SslCertificate", "HTTPS")
        if orthanc.flag("DicomServerEnabled") and orthanc.flag("DicomTlsEnabled"):
            yield from _of_orthanc(subject, orthanc, "DicomTlsCertificate", "DicomTlsPrivateKey", "DICOM over TLS")
    for proxy in subject.target.proxies:
        yield from _of_proxy(subject, proxy, proxy.directives, {})


def _of_orthanc(subject: Subject, orthanc: Orthanc, certificate: str, key: str, what: str) -> Iterator[Use]:
    found = _named(subject, orthanc, certificate)
    if found is not None:
        words = f"{orthanc.part.name} for {what}"
        yield Use(words, found, _named(subject, orthanc, key), (), *orthanc.place(certificate))


def _named(subject: Subject, orthanc: Orthanc, setting: str) -> PemFile | None:
    path = orthanc.get(setting)
    if not isinstance(path, str) or not path:
        return None
    mark, _ = orthanc.place(setting)
    return _pem(subject, host_file(subject, subject.service_of(orthanc), path, mark.file))


def _pem(subject: Subject, file: str) -> PemFile | None:
    return next((pem for pem in subject.target.pems if same_file(pem.file, file)), None)


def _of_proxy(
    subject: Subject, proxy: NginxFile, directives: Sequence[Directive], around: dict[str, Directive]
) -> Iterator[Use]:
    said = around | {one.name: one for one in directives if one.name in {"ssl_certificate", "ssl_certificate_key"}}
    for one in directives:
        if one.name == "server" and one.block:
            inside = said | {each.name: each for each in one.block if each.name.startswith("ssl_certificate")}
            yield from _of_server(subject, proxy, one, inside)
        elif one.name == "http":
            yield from _of_proxy(subject, proxy, one.block, said)


def _of_server(subject: Subject, proxy: NginxFile, server: Directive, said: dict[str, Directive]) -> Iterator[Use]:
    service = container_with(subject, proxy.file)
    files: dict[str, PemFile | None] = {}
    for name, one in said.items():
        path = one.arguments[0] if one.arguments else ""
        files[name] = _pem(subject, host_file(subject, service, path, proxy.file)) if path else None
    certificate = files.get("ssl_certificate")
    if certificate is not None:
        names = tuple(name for one in server.block if one.name == "server_name" for name in one.arguments)
        mark = said["ssl_certificate"].mark
        yield Use(f"nginx in {proxy.file}", certificate, files.get("ssl_certificate_key"), names, mark, ())


def subject_words(certificate: x509.Certificate) -> str:
    """Whose certificate it is, in words: ``the certificate of archive.example``."""
    try:
        name = certificate.subject.rfc4514_string()
    except ValueError:
        name = ""
    return f"the certificate of {printable(name.removeprefix('CN='))}" if name else "a certificate without a subject"


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses for which it is made (subjectAltName); none where it has none."""
    try:
        value = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    if not isinstance(value, x509.SubjectAlternativeName):
        return ()
    names = value.get_values_for_type(x509.DNSName)
    return (*names, *(str(one) for one in value.get_values_for_type(x509.IPAddress)))


def is_for(host: str, names: Sequence[str]) -> bool:
    """Whether a certificate with these names is one of a host: RFC 9525 section 6."""
    wanted = host.rstrip(".").lower()
    if address_of(wanted) is not None:
        return str(address_of(wanted)) in names
    for name in (one.rstrip(".").lower() for one in names):
        if name == wanted or (name.startswith("*.") and name[1:] == wanted[wanted.find(".") :] and "." in wanted):
            return True
    return False


def is_self_issued(certificate: x509.Certificate) -> bool:
    """Whether it names itself as the one that signed it."""
    return certificate.subject == certificate.issuer
