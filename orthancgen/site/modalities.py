"""`modalities:` the DICOM peers, by name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orthancgen.site.dicom import Command
from orthancgen.site.types import AETitle, Host, Items, ModalityPort, PlainText, Section

Manufacturer = Literal[
    "Generic", "GenericNoWildcardInDates", "GenericNoUniversalWildcard", "Vitrea", "GE", "SiemensSyngoCT"
]
"""Quirks that Orthanc knows (`ModalityManufacturer`); SiemensSyngoCT since 1.13.0."""

Vendor = Literal[
    "canon", "dcm4che", "dcmtk", "fujifilm", "ge", "generic", "hologic", "horos", "microdicom", "osirix", "philips",
    "radiant", "siemens", "slicer", "weasis",
]  # fmt: skip
"""Whose menus the workstation sheet describes."""


class Modality(Section):
    """A DICOM peer: scanner, workstation, archive."""

    aet: AETitle
    """By which it calls, and is called."""
    address: Host
    """Its address: what Orthanc compares a caller with, and where Orthanc sends to."""
    port: ModalityPort = 104
    """The port on which it listens, for Orthanc's own calls."""
    may: Items[Command] = ("echo", "store")
    """What it may do on Orthanc: echo, store, find, find_worklist, get, move, storage_commitment."""
    manufacturer: Manufacturer = "Generic"
    """Quirk of the peer that Orthanc allows for."""
    vendor: Vendor = "generic"
    """Whose menus its workstation sheet describes."""
    description: PlainText | None = None
    """A line for people."""
    tls: bool = False
    """Orthanc calls it by TLS. With `dicom.plain`, one that has no TLS calls, and is called, by way of the gateway."""
    timeout_seconds: int | None = Field(default=None, ge=1, le=3600)
    """How long Orthanc waits for it; without it, Orthanc's general time limit."""
