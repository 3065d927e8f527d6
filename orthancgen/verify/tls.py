"""How this host calls a DICOM port that speaks TLS: what it trusts, and which certificate it shows."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

from orthancgen.secrets.value import SecretValue
from orthancgen.site.model import Site


def client_context(
    site: Site, secrets: Mapping[str, SecretValue], *, certificate: bool = True, shown: str | None = None
) -> ssl.SSLContext:
    """A context that trusts the site's authorities, and shows a certificate as ours.

    The server's name is not compared: its certificate is made for the modalities' way to Orthanc, which is not ours.

    Args:
        site: which secrets hold the certificates.
        secrets: the values at hand.
        certificate: whether to show one: that of `verify`, or Orthanc's own where there is none, if either is at hand.
        shown: PEM of another certificate to show, with its key.

    Raises:
        ssl.SSLError: what is at hand is no certificate, or its key does not belong to it.
    """
    tls = site.dicom.tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    trusted = secrets.get(tls.trusted.secret) or secrets[tls.certificate.secret]
    context.load_verify_locations(cadata=trusted.reveal())
    if certificate and (pem := shown or own_certificate(site, secrets)):
        _show(context, pem)
    return context


def own_certificate(site: Site, secrets: Mapping[str, SecretValue]) -> str | None:
    """PEM of the certificate that `verify` shows, with its key: its own, or else Orthanc's; None without either."""
    tls = site.dicom.tls
    given = secrets.get(site.certificates.verify_client.secret)
    if given is not None:
        return given.reveal()
    if tls.certificate.secret not in secrets:
        return None
    return f"{secrets[tls.certificate.secret].reveal().rstrip()}\n{secrets[tls.private_key.secret].reveal()}"


def _show(context: ssl.SSLContext, pem: str) -> None:
    # The ssl module reads a key from a file only; this one is of mode 0600 from its first byte and gone at once.
    descriptor, name = tempfile.mkstemp(prefix="orthancgen-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(pem)
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
