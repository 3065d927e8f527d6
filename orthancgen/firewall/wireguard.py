"""WireGuard: the VPN over which remote modalities come, as configuration files of `wg-quick`.

https://man7.org/linux/man-pages/man8/wg.8.html and wg-quick(8): an INI of one `[Interface]` and a `[Peer]` each.
The bundle holds the host's file without any key, for reading; `orthancgen.vpn` writes the files with keys.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orthancgen.firewall.dialect import Dialect, RuleFile, Unexpressed
from orthancgen.firewall.policy import Policy
from orthancgen.plan.model import Plan
from orthancgen.render.engine import render_template
from orthancgen.site.network import Vpn
from orthancgen.site.vpn import vpn_peer_key, vpn_peers

SERVER_FILE: Final = "wg-orthancgen.conf"
"""Its name is the interface's: at most 15 characters before `.conf`, says wg-quick(8)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer as the host's configuration names it.

    Attributes:
        name: the modality's.
        allowed: its one address in the VPN, as a network of that address alone.
        public_key: its public key, or empty where it is not known yet.
        secret: name of the secret with its private key; empty where the peer made its own pair.
    """

    name: str
    allowed: str
    public_key: str
    secret: str


def server_address(vpn: Vpn) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    """This host's address in the VPN, with the length of its network: the first one."""
    network = ipaddress.ip_network(vpn.network)
    return ipaddress.ip_interface(f"{network[1]}/{network.prefixlen}")


def peers(plan: Plan, public_keys: Mapping[str, str]) -> Iterator[Peer]:
    """The peers in the order of the modalities.

    Args:
        plan: of a site with a VPN.
        public_keys: secret of a private key -> the public key that follows from it, as far as they are known.
    """
    vpn = _vpn(plan)
    for name, modality in vpn_peers(plan.site).items():
        own = vpn.peers[name].public_key if name in vpn.peers else None
        secret = "" if own is not None else vpn_peer_key(plan.site, name).secret
        allowed = str(ipaddress.ip_network(modality.address))
        yield Peer(name, allowed, own if own is not None else public_keys.get(secret, ""), secret)


def server_conf(plan: Plan, private_key: str = "", public_keys: Mapping[str, str] | None = None) -> str:
    """The host's configuration; without a private key the one for reading, in which comments stand for keys.

    Raises:
        RenderError: a value cannot be written in this syntax.
    """
    vpn = _vpn(plan)
    return render_template(
        "firewall/wireguard/server.conf",
        environment=plan.site.environment,
        keyless=not private_key,
        private_key=private_key or vpn.private_key.secret,
        network=vpn.network,
        address=str(server_address(vpn)),
        port=vpn.port,
        peers=tuple(peers(plan, public_keys or {})),
    )


def peer_conf(plan: Plan, peer: Peer, private_key: str, server_public_key: str) -> str:
    """The configuration of one peer; without a private key it names the place where the peer puts its own.

    Raises:
        RenderError: a value cannot be written in this syntax.
    """
    vpn = _vpn(plan)
    host = vpn.endpoint or ""
    return render_template(
        "firewall/wireguard/peer.conf",
        environment=plan.site.environment,
        peer=peer.name,
        private_key=private_key,
        own_public_key=peer.public_key,
        address=peer.allowed,
        server_public_key=server_public_key,
        endpoint=f"[{host}]:{vpn.port}" if ":" in host else f"{host}:{vpn.port}",
        allowed=str(ipaddress.ip_network(server_address(vpn).ip)),
    )


def _vpn(plan: Plan) -> Vpn:
    vpn = plan.site.network.vpn
    if vpn is None:
        raise LookupError("the site has no VPN")
    return vpn


def _unexpressed(plan: Plan, policy: Policy) -> Iterator[Unexpressed]:
    """WireGuard answers from everywhere whoever has a key: only a firewall of the host can ask whence."""
    del policy
    vpn, listed = _vpn(plan), set(plan.site.network.firewall)
    if vpn.allowed_sources and listed <= {"wireguard"}:
        yield Unexpressed(
            "network.vpn.allowed_sources",
            "WireGuard looks at keys, not at the addresses of those who call",
            "list a firewall of the host too, such as nftables, or leave allowed_sources out",
        )


WIREGUARD: Final = Dialect(
    name="wireguard",
    title="WireGuard",
    where="vpn",
    files=(
        RuleFile(SERVER_FILE, lambda plan, _: server_conf(plan), wanted=lambda plan: plan.site.network.vpn is not None),
    ),
    unexpressed=_unexpressed,
)
