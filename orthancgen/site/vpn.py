"""Who comes by the VPN, and with which key."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site
from orthancgen.site.types import SecretRef, is_ip, reference


def comes_by_vpn(site: Site, modality: Modality) -> bool:
    """Whether a modality's address is of the VPN's network."""
    vpn = site.network.vpn
    if vpn is None or not is_ip(modality.address):
        return False
    return ipaddress.ip_address(modality.address) in ipaddress.ip_network(vpn.network)


def vpn_peers(site: Site) -> Mapping[str, Modality]:
    """The modalities that come by the VPN, by name."""
    return {name: modality for name, modality in site.modalities.items() if comes_by_vpn(site, modality)}


def vpn_peer_key(site: Site, name: str) -> SecretRef:
    """The private key of a peer whose keys are made here."""
    vpn = site.network.vpn
    own = vpn.peers.get(name) if vpn is not None else None
    if own is not None and own.private_key is not None:
        return own.private_key
    return reference(f"vpn_{name.lower().replace('-', '_')[:54]}_key")
