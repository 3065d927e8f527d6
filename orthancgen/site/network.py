"""`network:` from where the site is reached."""

from __future__ import annotations

from typing import Literal

from orthancgen.site.types import Cidr, Items, Port, Section


class Vpn(Section):
    """The VPN over which remote modalities come."""

    kind: Literal["wireguard"] = "wireguard"
    """Protocol of the VPN."""
    port: Port = 51820
    network: Cidr


class Network(Section):
    """From where the site is reached, and by whom it is managed."""

    profile: Literal["lan", "wan", "cloud"] = "lan"
    """lan: one building; wan: sites over lines of others; cloud: a rented machine on the Internet."""
    allowed_sources: Items[Cidr] = ()
    """Networks that may reach the web page, backend and viewer; modalities are let in by their own addresses."""
    managed_from: Items[Cidr] = ()
    """Networks of the administrators; they are never locked out."""
    vpn: Vpn | None = None
    firewall: Items[
        Literal["nftables", "iptables", "ufw", "firewalld", "windows", "aws", "google_cloud", "azure", "wireguard"]
    ] = ()
    """Firewalls for which rules are written."""
