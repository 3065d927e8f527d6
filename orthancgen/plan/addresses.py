"""The fixed addresses of the containers, all from one network of 256 addresses.

A quarter of it is a network each. Addresses that the engine chooses are of an upper part of a network, so that it never
gives one of the fixed ones to another container.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from orthancgen.site.model import Site
from orthancgen.site.types import is_loopback

LOOPBACK: Final = "127.0.0.1"
_EVERY_ADDRESS: Final = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104
_HOST, _GATEWAY, _ORTHANC = 1, 74, 75


def reached_here(listen_on: str) -> str:
    """The address by which a program of this host reaches what listens there."""
    return _EVERY_ADDRESS.get(listen_on, listen_on)


def in_url(host: str) -> str:
    """A host as it stands in a URL (RFC 3986 section 3.2.2): an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True, slots=True)
class Network:
    """A network of containers: its addresses, that of the host in it, and those that the engine may choose from."""

    subnet: str
    host: str
    chosen_from: str


@dataclass(frozen=True, slots=True)
class ContainerAddresses:
    """Where the containers are.

    Attributes:
        edge: the network that is reached from outside.
        backend: Orthanc, the backend and the gateway among themselves.
        database: the backend and the database among themselves.
        analysis: the service of analysis, with the backend and Orthanc, and nobody else.
        host_seen: the address from which calls of this host to 127.0.0.1 arrive in a container.
        gateway: the gateway, as Orthanc sees it.
        orthanc: Orthanc, as the gateway sees it.
    """

    edge: Network
    backend: Network
    database: Network
    analysis: Network
    host_seen: str
    gateway: str
    orthanc: str

    @classmethod
    def of(cls, subnet: str) -> ContainerAddresses:
        """The addresses that follow from ``containers.subnet``, an IPv4 network of 256 addresses."""
        whole = ipaddress.IPv4Network(subnet)
        edge, backend, database, analysis = (_network(quarter) for quarter in whole.subnets(new_prefix=26))
        return cls(edge, backend, database, analysis, str(whole[_HOST]), str(whole[_GATEWAY]), str(whole[_ORTHANC]))


def _network(quarter: ipaddress.IPv4Network) -> Network:
    _, upper = quarter.subnets(prefixlen_diff=1)
    return Network(str(quarter), str(quarter[_HOST]), str(upper))


def addresses(site: Site) -> ContainerAddresses:
    """The addresses of a site's containers."""
    return ContainerAddresses.of(site.containers.subnet)


_PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""RFC 1918 section 3: where pods are. That nobody but the gateway comes from there is what the NetworkPolicies say."""


def front_networks(site: Site) -> tuple[str, ...]:
    """From where the gateway calls: who may tell the address of a browser."""
    if site.runtime == "kubernetes":
        return _PRIVATE
    fixed = addresses(site)
    return (fixed.gateway,) if site.runtime == "compose" else (fixed.backend.subnet,)


def behind_networks(site: Site) -> tuple[str, ...]:
    """From where containers call the backend: who may tell the address of somebody else."""
    return _PRIVATE if site.runtime == "kubernetes" else (addresses(site).backend.subnet,)


def verifier_seen(site: Site) -> str:
    """The address from which Orthanc sees ``orthancgen verify`` of this host come.

    A published port that is called by way of 127.0.0.1 is served by the engine's own proxy, which calls from the
    bridge's address; called by way of an address of the host's own, the packets are redirected and keep that address.
    """
    if site.verification.address is not None:
        return site.verification.address
    if site.runtime == "native":
        return LOOPBACK
    published_on = site.dicom.published_on
    if published_on is None or published_on == "0.0.0.0" or is_loopback(published_on):  # noqa: S104
        return addresses(site).host_seen
    return published_on
