"""The web ports speak HTTPS alone, with a certificate of the site's authority and name."""

from __future__ import annotations

import socket
import ssl
from typing import Final

import httpx

from orthancgen.site.types import is_ip
from orthancgen.verify.check import Check
from orthancgen.verify.checks.tls_strength import no_tls, ports
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict

_SECONDS: Final = 5.0


def _certificate(context: Context) -> Verdict:
    site = context.site
    names = site.certificates.names
    expected = f"a certificate that holds, of the site's authority, for {', '.join(names) or 'the address called'}"
    found = ports(context, "https")
    if not found:
        return skipped(expected, no_tls("https"))
    authority = context.access.secrets.get(site.http.tls.authority.secret)
    if authority is None:
        return skipped(expected, f"the authority is not at hand ({site.http.tls.authority.secret})")
    trust = ssl.create_default_context(cadata=authority.reveal())
    wrong: list[str] = []
    for port in found:
        for name in names or (port.host,):
            try:
                with (
                    socket.create_connection((port.host, port.port), timeout=_SECONDS) as sock,
                    trust.wrap_socket(sock, server_hostname=name),
                ):
                    pass
            except ssl.SSLCertVerificationError as error:
                wrong.append(f"{port.name}, {name}: {error.verify_message}")
            except OSError as error:
                wrong.append(f"{port.name}, {name}: {error.strerror or type(error).__name__}")
    return verdict(not wrong, expected, "; ".join(wrong) or "valid for each", "orthancgen certs check")


def _plain(context: Context) -> Verdict:
    expected = "no page without TLS: the connection ends, or HTTP 400"
    found = ports(context, "https")
    if not found:
        return skipped(expected, no_tls("https"))
    wrong: list[str] = []
    for port in found:
        host = f"[{port.host}]" if is_ip(port.host) and ":" in port.host else port.host
        try:
            answer = httpx.get(f"http://{host}:{port.port}/", timeout=_SECONDS, trust_env=False)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            continue
        except httpx.HTTPError as error:
            wrong.append(f"{port.name}: {type(error).__name__}")
            continue
        if answer.status_code != httpx.codes.BAD_REQUEST:
            wrong.append(f"{port.name}: HTTP {answer.status_code} without TLS")
    # The control: the same page by TLS is answered, with whatever status.
    clients = {"Orthanc": context.orthanc_anonymous, "backend": context.backend_anonymous}
    for port in found:
        try:
            clients[port.name].get("/")
        except httpx.HTTPError as error:
            wrong.append(f"{port.name}: by TLS there is no answer either ({type(error).__name__})")
    return verdict(not wrong, expected, "; ".join(wrong) or "refused", "http.tls of the model; the gateway's binds")


CERTIFICATE = Check("https-certificate", "HTTPS shows the site's certificate", "positive", _certificate)
PLAIN = Check("plain-http-refused", "HTTP without TLS is refused", "negative", _plain)
