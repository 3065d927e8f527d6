"""What the gateway is for at a site: HTTPS, and the modalities that come without TLS; and which ports that takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.plan.addresses import addresses
from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site

CALLS_SERVICE: Final = "gateway-calls"
"""In Kubernetes, the name by which Orthanc alone reaches the gateway."""
_FIRST_INNER_PORT: Final = 20_000
"""The first of the gateway's ports that are not published: for its health, and for Orthanc's own calls."""


def has_gateway(site: Site) -> bool:
    """Whether there is something for the gateway to do: HTTPS, or the unencrypted DICOM listener."""
    return site.runtime != "native" and (site.http.tls.enabled or site.dicom.plain.enabled)


def plain_modalities(site: Site) -> Mapping[str, Modality]:
    """Those that come, and are called, by way of the gateway's unencrypted listener, by name."""
    if not site.dicom.plain.enabled:
        return {}
    return {name: modality for name, modality in site.modalities.items() if not modality.tls}


def health_port(site: Site) -> int:
    """The gateway's port of its own health, on its own loopback."""
    return next(_inner_ports(site))


def call_ports(site: Site) -> Mapping[str, int]:
    """Modality's name -> the gateway's port by which Orthanc calls it."""
    free = _inner_ports(site)
    next(free)  # of its health
    return {name: next(free) for name in plain_modalities(site)}


def call_host(site: Site) -> str:
    """How Orthanc reaches the gateway's ports of its own calls: by the one fixed address of an engine, else by name."""
    names = {"swarm": "gateway", "kubernetes": CALLS_SERVICE}
    return names.get(site.runtime) or addresses(site).gateway


def _inner_ports(site: Site) -> Iterator[int]:
    taken = {site.dicom.plain.port, site.http.port, site.backend.port, site.viewer.port}
    # Orthanc refuses 65535 as the port of a modality.
    return (port for port in range(_FIRST_INNER_PORT, 65_535) if port not in taken)
