"""What Prometheus scrapes, and by which address it gets there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.plan.addresses import LOOPBACK, in_url, reached_here
from orthancgen.site.model import Site

Scraped = Literal["orthanc", "backend", "host"]
_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104


@dataclass(frozen=True, slots=True)
class Target:
    """Something that hands over metrics.

    Attributes:
        service: Orthanc, the backend, or the node exporter of the host.
        host: name or address, as in a URL.
        port: TCP port.
        https: whether it is reached by HTTPS.
        path: of the metrics.
    """

    service: Scraped
    host: str
    port: int
    https: bool
    path: str = "/metrics"


def targets(site: Site) -> tuple[Target, ...]:
    """What is scraped, in order: Orthanc, the backend, the host. Nothing where Prometheus is off."""
    if not site.observability.prometheus:
        return ()
    https = site.http.tls.enabled
    found = [
        Target("orthanc", _host(site, site.http.listen_on), site.http.port, https, "/tools/metrics-prometheus"),
    ]
    if site.backend.enabled:
        # Natively the backend speaks HTTP whatever Orthanc does: the gateway alone ends HTTPS for both.
        by_gateway = https and site.runtime != "native"
        found.append(Target("backend", _host(site, site.backend.listen_on), site.backend.port, by_gateway))
    own = found[0].host if site.observability.scraped_from else LOOPBACK
    found.append(Target("host", own, site.observability.node_exporter_port, https=False))
    return tuple(found)


def server_name(site: Site) -> str | None:
    """The name that the certificate must hold, where the address by which it is reached may not be in it."""
    return site.certificates.names[0] if site.certificates.names else None


def _host(site: Site, listen_on: str) -> str:
    """The address of a listener as Prometheus sees it."""
    if not site.observability.scraped_from:
        return in_url(reached_here(listen_on))
    if listen_on in _EVERY_ADDRESS and site.certificates.names:
        return in_url(site.certificates.names[0])
    if listen_on in _EVERY_ADDRESS:
        others = (site.http.listen_on, site.backend.listen_on)
        return in_url(next((one for one in others if one not in _EVERY_ADDRESS), LOOPBACK))
    return in_url(listen_on)
