"""`http:` Orthanc's REST API and web page."""

from __future__ import annotations

from typing import Literal

from orthancgen.site.types import IPAddress, Port, SecretRef, Section, reference


class HttpTls(Section):
    """HTTPS for Orthanc; with `runtime: compose` for the backend too, both by the gateway with one certificate."""

    enabled: bool = False
    """Whether the HTTP port speaks TLS; with `runtime: compose`, the backend's port as well."""
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    """Oldest version of TLS that is accepted (RFC 8996: nothing older than 1.2)."""
    certificate: SecretRef = reference("http_tls_certificate")
    """PEM with the certificate and its private key in one file."""
    authority: SecretRef = reference("http_tls_authority")
    """PEM with the authority that signed the certificate, by which the backend and this host know Orthanc."""


class Http(Section):
    """The HTTP side of Orthanc."""

    port: Port = 8042
    """On which Orthanc listens for HTTP, or HTTPS."""
    listen_on: IPAddress = "127.0.0.1"
    """Address on which it is reachable: 127.0.0.1 for this host alone, 0.0.0.0 or :: for every address of it."""
    tls: HttpTls = HttpTls()
