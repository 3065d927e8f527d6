"""By which names and addresses a site is reached from elsewhere, as far as the environment says it. Pure."""

from __future__ import annotations

import ipaddress
from typing import Final

from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site
from orthancgen.site.types import is_ip, is_loopback
from orthancgen.site.vpn import comes_by_vpn

_NO_PLACE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104
_LOOPBACK: Final = "127.0.0.1"


def named_hosts(site: Site) -> tuple[str, ...]:
    """Names and addresses by which other hosts reach the DICOM port, the preferred one first; empty where none is said.

    `certificates.names` comes first: it is what the site calls itself. Else the address on which the port is published.
    """
    if site.certificates.names:
        return site.certificates.names
    published = site.dicom.published_on
    if published and published not in _NO_PLACE and not is_loopback(published):
        return (published,)
    return ()


def vpn_host(site: Site) -> str | None:
    """This host's address in the VPN: the first of its network; None where there is no VPN."""
    vpn = site.network.vpn
    return None if vpn is None else str(ipaddress.ip_network(vpn.network)[1])


def hosts_for(site: Site, modality: Modality | None, hosts: tuple[str, ...]) -> tuple[str, ...]:
    """By which names and addresses one caller reaches the DICOM port, the one to type first.

    Args:
        site: the environment.
        modality: who calls; None for one who is not registered.
        hosts: by what this host is reached from elsewhere: `named_hosts`, or what is known besides the environment.
    """
    if modality is not None:
        inside = vpn_host(site) if comes_by_vpn(site, modality) else None
        if inside is not None:
            return (inside,)
        if _is_this_host(modality.address):
            # A program of this host: by another address, Orthanc would not see the registered one.
            return (*(one for one in site.certificates.names if _is_this_host(one)), _LOOPBACK)
    return hosts


def _is_this_host(host: str) -> bool:
    return host == "localhost" or (is_ip(host) and is_loopback(host))


def browsers_come_by_https(site: Site) -> bool:
    """Whether the viewer's pages are reached by HTTPS: then the cookie of a login is for HTTPS alone."""
    return site.runtime != "native" and site.http.tls.enabled
