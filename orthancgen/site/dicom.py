"""`dicom:` the DICOM port, its TLS, and who is let in."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orthancgen.site.types import IPAddress, Items, Port, SecretRef, Section, reference

AnyoneCommand = Literal["echo", "store", "find", "find_worklist", "get", "move"]
Command = Literal["echo", "store", "find", "find_worklist", "get", "move", "storage_commitment"]


class DicomTls(Section):
    """TLS on the DICOM port (PS3.15 annex B). Orthanc has one port: with TLS on, plain callers cannot connect."""

    enabled: bool = False
    """Whether the DICOM port speaks TLS."""
    client_certificates: Literal["required", "not_asked"] = "required"
    """Whether a caller must show a certificate of a trusted authority."""
    certificate: SecretRef = reference("dicom_tls_certificate")
    """PEM with the certificate of Orthanc."""
    private_key: SecretRef = reference("dicom_tls_key")
    """PEM with its private key, without a passphrase."""
    trusted: SecretRef = reference("dicom_tls_trusted")
    """PEM with the authorities whose client certificates are accepted."""


class DicomPlain(Section):
    """A second DICOM listener, unencrypted, for modalities that cannot do TLS (in containers).

    It is served by the gateway, which lets in only the modalities with `tls: false`, each with its own AE title from
    its own address, and goes on to Orthanc by TLS with a certificate of its own. Orthanc sees all of them come from the
    gateway's address: so that is the address they are registered with, and binding AE title and address to one another
    is the gateway's work. Orthanc's own calls to them pass the gateway too. What they send crosses the network
    unencrypted up to this host.
    """

    enabled: bool = False
    """Whether the listener exists."""
    port: Port = 104
    """On which devices without TLS are let in."""
    """Its port; 104 is the registered port of DICOM without TLS."""
    client_certificate: SecretRef = reference("gateway_dicom_client")
    """PEM with the certificate by which Orthanc knows the gateway, and its private key, in one file."""


class AEChecks(Section):
    """Who may call, by AE title and address. An AE title is no proof of identity: TLS and the firewall are."""

    called_aet: bool = True
    """The caller must address Orthanc by its own AE title."""
    calling_aet: Literal["anyone", "registered", "registered_from_own_address"] = "registered_from_own_address"
    """`anyone`; `registered`: the AE titles of the modalities below; or those, each from its own address only."""
    anyone_may: Items[AnyoneCommand] = ()
    """With `calling_aet: anyone`: what a caller who is no modality of the list may do."""
    exact_case: bool = False
    """Upper and lower case of AE titles differ."""


class Dicom(Section):
    """The DICOM side of Orthanc."""

    port: Port = 4242
    """On which Orthanc listens for DICOM."""
    tls: DicomTls = DicomTls()
    plain: DicomPlain = DicomPlain()
    ae_checks: AEChecks = AEChecks()
    threads: int = Field(default=4, ge=1, le=64)
    """DICOM associations that are served at the same time."""
    accept_deflated: bool = False
    """Take deflated files by C-STORE (PS3.5 section A.5).

    Orthanc inflates one as a whole before it looks at it: one of 9 MB may be made to take 6 GiB of its memory. A sender
    that has one offers an uncompressed transfer syntax too (PS3.5 section 10.1), so this is for those that do not.
    """
    published_on: IPAddress | None = None
    """Address on which the port is published by containers; without it, every address of the host."""
