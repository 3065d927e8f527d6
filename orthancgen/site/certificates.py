"""`certificates:` what the generated certificates say and how long they hold."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orthancgen.site.types import Host, Items, PlainText, SecretRef, Section, reference


class Certificates(Section):
    """The certificates that the site's own authorities issue, for every one that no source is named for."""

    names: Items[Host] = ()
    """Names and addresses by which modalities, browsers and programs reach this host."""
    key: Literal["rsa_3072", "ecdsa_p256"] = "rsa_3072"
    """Kind of the keys. With `ecdsa_p256` for DICOM, Orthanc's BCP 195 profile leaves TLS 1.3 alone: no TLS 1.2."""
    valid_days: int = Field(default=397, ge=2, le=1825)
    """How long a certificate holds; never longer than its authority, which holds for ten years."""
    renew_days: int = Field(default=30, ge=1, le=365)
    """How many days before its end a certificate is due for renewal."""
    organisation: PlainText | None = None
    """Organisation in the names of the authorities and certificates."""
    verify_client: SecretRef = reference("verify_dicom_client")
    """PEM with the certificate that `orthancgen verify` shows as a DICOM caller, and its private key, in one file."""
