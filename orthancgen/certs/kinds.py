"""What a certificate is for, as data: which authority signs it, and what it may be used for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

AuthorityName = Literal["dicom", "https"]
AUTHORITIES: Final[tuple[AuthorityName, ...]] = ("dicom", "https")
"""Two, so that no certificate that a device holds for DICOM ever passes for the site's web server."""
KeyKind = Literal["rsa_3072", "ecdsa_p256"]


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a certificate is for.

    Attributes:
        id: its name in the index.
        title: the same for a reader.
        authority: who signs it.
        server: extended key usage serverAuth (RFC 5280 section 4.2.1.12).
        client: extended key usage clientAuth.
    """

    id: str
    title: str
    authority: AuthorityName
    server: bool
    client: bool


DICOM_SERVER: Final = Purpose("dicom-server", "Orthanc's DICOM port and its own calls", "dicom", True, True)
HTTPS_SERVER: Final = Purpose("https-server", "HTTPS", "https", True, False)
DICOM_CLIENT: Final = Purpose("dicom-client", "DICOM caller", "dicom", False, True)
DICOM_PEER: Final = Purpose("dicom-peer", "DICOM caller that Orthanc calls too", "dicom", True, True)
PURPOSES: Final = {one.id: one for one in (DICOM_SERVER, HTTPS_SERVER, DICOM_CLIENT, DICOM_PEER)}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate that is wanted.

    Attributes:
        name: of the certificate, unique in an environment: `site.…` or a modality's name, which has no dot.
        purpose: what it is for.
        common_name: shown to people; nothing compares it (RFC 9525 section 1.4).
        hosts: DNS names and IP addresses of the subject alternative name.
    """

    name: str
    purpose: Purpose
    common_name: str
    hosts: tuple[str, ...]
