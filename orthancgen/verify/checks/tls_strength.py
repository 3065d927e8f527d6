"""No port goes on with a version or a cipher of TLS that must not be used any more (RFC 8996, RFC 9325, PS3.15 B.12).

The offers are made by hand. Each has a control: an offer of TLS 1.2 with good ciphers, or for a server of TLS 1.3 alone
a handshake by the library, which the same port must go on with, so that a refusal is one of what was offered.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from orthancgen.orthanc.keys import keys_for
from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.hello import STRONG, VERSIONS, WEAK, Reply, say_hello
from orthancgen.verify.result import Verdict, skipped, verdict

Protocol = Literal["dicom", "https"]
_SECONDS: Final = 5.0
_PROFILE_KEY: Final = "DicomTlsMinimumProtocolVersion"


@dataclass(frozen=True, slots=True)
class _Port:
    name: str
    host: str
    port: int


def ports(context: Context, protocol: Protocol) -> tuple[_Port, ...]:
    """The ports of an environment that speak TLS."""
    site, access = context.site, context.access
    if protocol == "dicom":
        return (_Port("DICOM", context.dicom_host, site.dicom.port),) if site.dicom.tls.enabled else ()
    urls = {"Orthanc": access.orthanc_url}
    if site.backend.enabled:
        urls["backend"] = access.backend_url
    parts = {name: urlsplit(url) for name, url in urls.items()}
    return tuple(_Port(n, u.hostname or "", u.port or 443) for n, u in parts.items() if u.scheme == "https")


def no_tls(protocol: Protocol) -> str:
    """Why a check of a protocol does not apply."""
    return f"the model has no TLS for {'DICOM (dicom' if protocol == 'dicom' else 'HTTP (http'}.tls.enabled: false)"


def _old_versions(context: Context, protocol: Protocol) -> Verdict:
    suites = [*STRONG.values(), *WEAK.values()]
    expected = "the handshake fails with TLS 1.0 and with TLS 1.1"
    return _refused(context, protocol, [("TLS 1.0", suites), ("TLS 1.1", suites)], expected)


def _weak_ciphers(context: Context, protocol: Protocol) -> Verdict:
    expected = f"the handshake of TLS 1.2 fails with each of {len(WEAK)} ciphers: RSA key exchange, CBC, 3DES, RC4"
    # One at a time: a server that takes several names only the one that it likes best.
    return _refused(context, protocol, [("TLS 1.2", [suite]) for suite in WEAK.values()], expected)


def _refused(context: Context, protocol: Protocol, offers: Iterable[tuple[str, list[int]]], expected: str) -> Verdict:
    found = ports(context, protocol)
    if not found:
        return skipped(expected, no_tls(protocol))
    accepted: list[str] = []
    unclear: list[str] = []
    refusals: dict[str, None] = {}
    for port in found:
        for version, suites in offers:
            reply = _say(port, version, suites)
            if reply.kind == "hello":
                accepted.append(f"{port.name}: {reply.text}")
            elif reply.refused:
                refusals[f"{port.name}: {reply.text}"] = None
            else:
                unclear.append(f"{port.name}: {reply.text}")
        if (why := _control(context, protocol, port)) is not None:
            unclear.append(f"{port.name}: a good offer fails too: {why}")
    if accepted:
        return _accepted(context, protocol, expected, accepted)
    return verdict(
        not unclear,
        expected,
        "; ".join(dict.fromkeys(unclear)) or "; ".join(refusals),
        "does it run? orthancgen status",
    )


def _accepted(context: Context, protocol: Protocol, expected: str, accepted: list[str]) -> Verdict:
    seen = f"accepted: {'; '.join(dict.fromkeys(accepted))}"
    if protocol == "dicom" and _PROFILE_KEY not in keys_for(context.plan.version):
        # No pass, and no fault of what was deployed: the program cannot be told.
        return skipped(
            expected,
            f"Orthanc {context.plan.version} cannot be told to refuse it ({_PROFILE_KEY} came with 1.12.4); {seen}",
        )
    hint = (
        f"{_PROFILE_KEY} and DicomTlsCiphersAccepted in orthanc.json"
        if protocol == "dicom"
        else "ssl-min-ver and ciphers of the gateway; SslMinimumProtocolVersion and SslCiphersAccepted of Orthanc"
    )
    return verdict(False, expected, seen, hint)


def _say(port: _Port, version: str, suites: list[int]) -> Reply:
    return say_hello((port.host, port.port), VERSIONS[version], suites, seconds=_SECONDS)


def _control(context: Context, protocol: Protocol, port: _Port) -> str | None:
    """Why even a good offer fails, or None where the server goes on with one."""
    reply = _say(port, "TLS 1.2", list(STRONG.values()))
    if reply.kind == "hello":
        return None
    verify = context.access.http_verify
    modern = context.tls if protocol == "dicom" else verify if isinstance(verify, ssl.SSLContext) else None
    try:
        with (
            socket.create_connection((port.host, port.port), timeout=_SECONDS) as sock,
            (modern or ssl.create_default_context()).wrap_socket(sock, server_hostname=port.host) as tls,
        ):
            return None if tls.version() in {"TLSv1.2", "TLSv1.3"} else reply.text
    except OSError:
        return reply.text


DICOM_VERSIONS = Check(
    "dicom-old-tls-refused", "DICOM over TLS 1.0 and 1.1 is refused", "negative", lambda c: _old_versions(c, "dicom")
)
DICOM_CIPHERS = Check(
    "dicom-weak-ciphers-refused", "DICOM with weak ciphers is refused", "negative", lambda c: _weak_ciphers(c, "dicom")
)
HTTPS_VERSIONS = Check(
    "https-old-tls-refused", "HTTPS over TLS 1.0 and 1.1 is refused", "negative", lambda c: _old_versions(c, "https")
)
HTTPS_CIPHERS = Check(
    "https-weak-ciphers-refused", "HTTPS with weak ciphers is refused", "negative", lambda c: _weak_ciphers(c, "https")
)
