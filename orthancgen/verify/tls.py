"""How this host calls a DICOM port that speaks TLS."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

from orthancgen.secrets.value import SecretValue
from orthancgen.site.dicom import DicomTls


def client_context(tls: DicomTls, secrets: Mapping[str, SecretValue], *, certificate: bool = True) -> ssl.SSLContext:
    """A context that trusts the site's authorities, and shows Orthanc's own certificate as ours where it is at hand.

    The certificate's name is not compared: it is made for the modalities' way to Orthanc, which is not ours.

    Args:
        tls: which secrets hold the certificates.
        secrets: the values at hand.
        certificate: whether to show one.

    Raises:
        ssl.SSLError: what is at hand is no certificate, or its key does not belong to it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    trusted = secrets.get(tls.trusted.secret) or secrets[tls.certificate.secret]
    context.load_verify_locations(cadata=trusted.reveal())
    if certificate:
        _show(context, secrets[tls.certificate.secret].reveal(), secrets[tls.private_key.secret].reveal())
    return context


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # The ssl module reads a key from a file only; this one is of mode 0600 from its first byte and gone at once.
    descriptor, name = tempfile.mkstemp(prefix="orthancgen-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"{certificate.rstrip()}\n{key}")
        context.load_cert_chain(name)
    finally:
        Path(name).unlink()
