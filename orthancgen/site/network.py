"""`network:` from where the site is reached, and by whom it is managed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orthancgen.site.types import (
    Cidr,
    Host,
    IPAddress,
    Items,
    ModalityName,
    Port,
    SecretRef,
    Section,
    WireGuardKey,
    reference,
)

CallersArrive = Literal[
    "directly", "by_userland_proxy", "by_rootless_engine", "by_docker_desktop", "by_tcp_proxy", "by_source_nat"
]
FirewallName = Literal[
    "nftables", "iptables", "ufw", "firewalld", "windows", "aws", "google_cloud", "azure", "wireguard"
]


class VpnPeer(Section):
    """The keys of one peer of the VPN."""

    public_key: WireGuardKey | None = None
    """Its public key, where it made its own pair of keys; its private key is then nowhere here."""
    private_key: SecretRef | None = None
    """Its private key, where orthancgen makes it; without it, the secret vpn_NAME_key."""


class Vpn(Section):
    """The VPN over which remote modalities come: those whose address is of its network."""

    kind: Literal["wireguard"] = "wireguard"
    """Protocol of the VPN."""
    port: Port = 51820
    """UDP port of WireGuard."""
    """UDP port of this host."""
    network: Cidr
    """Private network of the VPN; its first address is this host's."""
    endpoint: Host | None = None
    """Name or address by which the remote side reaches this host; needed for the configurations of the peers."""
    allowed_sources: Items[Cidr] = ()
    """Networks from which the VPN may be called; without them every address: it answers nobody without a key."""
    private_key: SecretRef = reference("vpn_private_key")
    """Private key of this host."""
    peers: dict[ModalityName, VpnPeer] = Field(default_factory=dict)
    """Keys of peers, by the modality's name; a modality that is not listed gets its keys from orthancgen."""


class Network(Section):
    """From where the site is reached, and by whom it is managed."""

    profile: Literal["lan", "wan", "cloud"] = "lan"
    """lan: one building; wan: sites over lines of others; cloud: a rented machine on the Internet."""
    allowed_sources: Items[Cidr] = ()
    """Networks that may reach the web page, backend and viewer; modalities are let in by their own addresses."""
    managed_from: Items[Cidr] = ()
    """Networks of the administrators; they are never locked out."""
    management_ports: Items[Port] = (22,)
    """TCP ports by which this host is managed, open to `managed_from` whatever else is denied."""
    callers_arrive: CallersArrive = "directly"
    """How the calls of other hosts reach Orthanc. `directly`: with their own addresses, as with native and with an
    engine whose packet filter redirects published ports. All others hide them: an engine that redirects by its own
    proxy, a rootless engine, Docker Desktop, a TCP proxy in front, a router that translates source addresses."""
    seen_address: IPAddress | None = None
    """With `by_tcp_proxy` and `by_source_nat`: the address of the proxy or router, from which every call comes."""
    vpn: Vpn | None = None
    firewall: Items[FirewallName] = ()
    """Firewalls for which rules are written. They deny what nothing here allows."""
