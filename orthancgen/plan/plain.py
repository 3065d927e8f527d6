"""Which modalities come by the unencrypted listener, and by which port of the gateway Orthanc calls each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site

FIRST_CALL_PORT: Final = 20_000
"""The first of the gateway's ports for Orthanc's own calls; inside the containers' network only."""


def plain_modalities(site: Site) -> Mapping[str, Modality]:
    """Those that come, and are called, by way of the gateway's unencrypted listener, by name."""
    if not site.dicom.plain.enabled:
        return {}
    return {name: modality for name, modality in site.modalities.items() if not modality.tls}


def call_ports(site: Site) -> Mapping[str, int]:
    """Modality's name -> the gateway's port by which Orthanc calls it."""
    free = _free_ports(site)
    return {name: next(free) for name in plain_modalities(site)}


def _free_ports(site: Site) -> Iterator[int]:
    taken = {site.dicom.port, site.dicom.plain.port, site.http.port, site.backend.port, site.viewer.port}
    return (port for port in range(FIRST_CALL_PORT, 65_535) if port not in taken)
