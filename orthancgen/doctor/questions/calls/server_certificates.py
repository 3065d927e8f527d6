"""The certificates that the running ports really show: dates, authority, names."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from cryptography import x509

from orthancgen.certs.issue import fingerprint, hosts_of, load_certificates, signed_by
from orthancgen.certs.store import AuthorityStore
from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common
from orthancgen.errors import OrthancgenError
from orthancgen.runtimes.access import Access
from orthancgen.verify.tls import client_context

_SECONDS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Port:
    """A port that speaks TLS: what it is called, where it is reached, which secret and authority belong to it."""

    title: str
    host: str
    port: int
    secret: str
    authority: Literal["dicom", "https"]


def _ports(case: Case, access: Access) -> Iterator[Port]:
    site = case.site
    if site.dicom.tls.enabled:
        yield Port("the DICOM port", access.dicom_host, site.dicom.port, site.dicom.tls.certificate.secret, "dicom")
    if site.http.tls.enabled:
        yield Port("the HTTPS port", access.orthanc_host, site.http.port, site.http.tls.certificate.secret, "https")


def _ask(case: Case) -> Iterator[Finding]:
    yield from found(case)


def found(case: Case) -> tuple[Finding, ...]:
    """What is wrong with the certificates of the ports."""
    return case.once("server certificates", lambda: tuple(_found(case)))


def _found(case: Case) -> Iterator[Finding]:
    access = case.access
    if access is None:
        return
    for port in _ports(case, access):
        shown = _shown(case, access, port)
        if shown is not None:
            yield from _judge(case, access, port, shown, datetime.now(UTC))


def _shown(case: Case, access: Access, port: Port) -> x509.Certificate | None:
    """What the port shows, whatever it is; None where there is no handshake, which other questions tell."""
    try:
        if port.authority == "dicom":
            context = client_context(case.site, access.secrets)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with (
            socket.create_connection((port.host, port.port), timeout=_SECONDS) as plain,
            context.wrap_socket(plain) as wrapped,
        ):
            content = wrapped.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(content) if content else None
    except (OSError, ValueError):
        return None


def _judge(case: Case, access: Access, port: Port, shown: x509.Certificate, now: datetime) -> Iterator[Finding]:
    begin, end = shown.not_valid_before_utc, shown.not_valid_after_utc
    life = f"valid from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, and it is {now:%Y-%m-%d %H:%M} UTC"
    if now >= end:
        yield _diagnosis(case, port, "server-certificate-expired", "has expired", shown, life)
    elif now < begin:
        yield _diagnosis(case, port, "server-certificate-not-yet-valid", "is not valid yet", shown, life)
    elif not _ours(case, access, port, shown):
        text = f"its issuer is {shown.issuer.rfc4514_string()[:200]}"
        yield _diagnosis(
            case,
            port,
            "server-certificate-of-unknown-authority",
            "is of an authority that is not the site's",
            shown,
            text,
        )
    elif missing := [name for name in case.site.certificates.names if not covers(hosts_of(shown), str(name))]:
        text = f"it is for {', '.join(hosts_of(shown)[:12])}; and not for {', '.join(map(str, missing[:12]))}"
        yield _diagnosis(case, port, "server-certificate-of-another-host", "is not for the site's names", shown, text)


def covers(hosts: tuple[str, ...], name: str) -> bool:
    """Whether one of the certificate's names is that one, or a wildcard for its first label (RFC 9525 section 6.3)."""
    known = {host.casefold() for host in hosts}
    return name.casefold() in known or f"*.{name.casefold().partition('.')[2]}" in known


def _ours(case: Case, access: Access, port: Port, shown: x509.Certificate) -> bool:
    """Whether the site's own authority signed it; of a certificate that the site brought, whether it is that one."""
    if port.secret in case.site.secrets:
        stored = access.secrets.get(port.secret)
        try:
            return stored is None or fingerprint(load_certificates(stored.reveal())[0]) == fingerprint(shown)
        except (ValueError, IndexError):
            return True
    folder: Path | None = access.authorities
    try:
        trusted = list(AuthorityStore(folder).trusted(port.authority)) if folder else []
    except (OrthancgenError, OSError, ValueError):
        return True
    return not trusted or any(signed_by(shown, one) for one in trusted)


def _diagnosis(case: Case, port: Port, cause: str, how: str, shown: x509.Certificate, text: str) -> Diagnosis:
    own = port.secret in case.site.secrets
    env = common.quote(case.env)
    clock = Remedy("see whether this host's clock is right, and set it where it is not", "timedatectl")
    if own:
        first = Remedy(
            f"have it issued anew, put it where {common.line_of(case, ('secrets', port.secret))} says, and deploy",
            f"orthancgen deploy {env}",
        )
    elif cause == "server-certificate-of-another-host":
        first = Remedy(
            f"see that {common.line_of(case, ('certificates', 'names'))} has every name, and issue it anew",
            f"orthancgen certs renew {env} && orthancgen deploy {env}",
        )
    else:
        first = Remedy("issue it anew, and have it loaded", f"orthancgen certs renew {env} && orthancgen deploy {env}")
    remedies = (clock, first) if cause == "server-certificate-not-yet-valid" else (first,)
    return Diagnosis(
        cause,
        f"the certificate that {port.title} {port.port} shows {how}",
        f"port {port.port}",
        (Evidence(f"{shown.subject.rfc4514_string()[:200]}: {text}", f"TLS handshake with {port.host}:{port.port}"),),
        remedies,
        fix=None if own else Fix("renew_certificates"),
    )


QUESTION = Question(
    "server-certificates", "Do the ports show certificates that hold?", "way_in", _ask,
    (
        "server-certificate-expired", "server-certificate-not-yet-valid", "server-certificate-of-unknown-authority",
        "server-certificate-of-another-host",
    ),
    applies=lambda case: case.site.dicom.tls.enabled or case.site.http.tls.enabled,
)  # fmt: skip
