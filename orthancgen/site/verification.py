"""`verification:` the caller as which `orthancgen verify` proves from the deploying host what is accepted."""

from __future__ import annotations

from typing import Literal

from orthancgen.site.types import AETitle, IPAddress, Items, Section


class Verification(Section):
    """A registered caller of the deploying host, for where only registered callers are let in.

    Without it, `orthancgen verify` proves what is refused, but can prove what is accepted only for a modality whose
    address the host itself has. With it, whoever may log in to the host may send test images: it is registered for the
    host's own address alone, and with `client_certificates: required` it must show a certificate like any other.
    """

    enabled: bool = False
    """Whether the caller is registered with Orthanc."""
    aet: AETitle = "OGVERIFY"
    """Its AE title."""
    may: Items[Literal["echo", "store"]] = ("echo", "store")
    """What it may do: echo and store prove the way of an image; nothing else is ever needed."""
    address: IPAddress | None = None
    """The address from which Orthanc sees it come; without it, the one from which this host's own calls arrive."""
