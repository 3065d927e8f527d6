"""The text of a QR code: the settings as lines `KEY=value`, to be read by a telephone; no secrets. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from orthancgen.sheets.connection import Connection, SiteFacts


def qr_text(connection: Connection, site: SiteFacts) -> str:
    """The settings of one caller."""
    return "\n".join(f"{key}={value}" for key, value in _settings(connection, site))


def _settings(connection: Connection, site: SiteFacts) -> Iterator[tuple[str, str]]:
    yield "SITE", site.environment
    yield "CALLED_AET", connection.called_aet
    yield "HOST", connection.hosts[0]
    yield "PORT", str(connection.port)
    yield "TLS", "on" if connection.tls is not None else "off"
    if connection.tls is not None and connection.tls.client_certificate:
        yield "CLIENT_CERTIFICATE", "required"
    if connection.modality is not None:
        yield "AET", str(connection.own_aet)
        yield "ADDRESS", str(connection.own_address)
        yield "LISTENS_ON", str(connection.own_port)
        yield "MAY", ",".join(connection.may)
    if site.issue.release is not None:
        yield "RELEASE", str(site.issue.release)
    yield "DATE", site.issue.date
    yield "FINGERPRINT", site.issue.fingerprint
