"""What must hold of `network:`: who is let in, that nobody is locked out, and that a compared address is seen."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from orthancgen.site.checks import Violation
from orthancgen.site.model import Site
from orthancgen.site.network import CallersArrive
from orthancgen.site.problems import KeyPath
from orthancgen.site.types import is_ip, is_loopback
from orthancgen.site.vpn import comes_by_vpn

_HIDES: Final[Mapping[CallersArrive, tuple[str, str]]] = {
    "by_userland_proxy": (
        "the engine's own proxy calls Orthanc from the bridge's address",
        "let the engine redirect by its packet filter (iptables: true) and write callers_arrive: directly",
    ),
    "by_rootless_engine": (
        "a rootless engine hands calls on from an address of its own, unless its port driver is slirp4netns",
        "use that port driver, an engine that runs as root, or runtime: native, and write callers_arrive: directly",
    ),
    "by_docker_desktop": (
        "Docker Desktop hands calls on from an address of its own",
        "use an engine on Linux, or runtime: native, and write callers_arrive: directly",
    ),
    "by_tcp_proxy": (
        "a TCP proxy calls Orthanc from its own address",
        "let the modalities call this host without the proxy, or let the proxy compare their addresses",
    ),
    "by_source_nat": (
        "the router puts its own address in the place of the caller's",
        "route to this host without translating source addresses",
    ),
}
"""Why Orthanc does not see a caller's own address, and the way out."""


def addresses_are_seen(site: Site) -> Iterator[Violation]:
    """What compares a caller's address sees that address."""
    way = site.network.callers_arrive
    if way == "directly":
        if site.network.seen_address is not None:
            yield Violation(
                ("network", "seen_address"), "callers arrive directly: each is seen with its own address",
                "leave it out, or say what stands between: callers_arrive: by_tcp_proxy", "warning",
            )  # fmt: skip
        return
    of_engine = way not in {"by_tcp_proxy", "by_source_nat"}
    if of_engine and site.runtime == "native":
        yield Violation(
            ("network", "callers_arrive"), "native programs have no container engine in between",
            "callers_arrive: directly",
        )  # fmt: skip
        return
    if not of_engine and site.network.seen_address is None:
        yield Violation(
            ("network", "callers_arrive"), "the address from which every call comes is not said",
            "network: {seen_address: 192.168.10.5}, the proxy's or router's own address on this side",
        )  # fmt: skip
    why, way_out = _HIDES[way]
    by_certificate = "or dicom.tls with client_certificates: required and calling_aet: registered"
    if site.dicom.ae_checks.calling_aet == "registered_from_own_address" and site.modalities:
        yield Violation(
            ("dicom", "ae_checks", "calling_aet"),
            f"Orthanc compares the caller's address, and sees one and the same for all: {why}. "
            "It would refuse every modality",
            f"{way_out}; {by_certificate}",
        )
    if site.dicom.plain.enabled:
        yield Violation(
            ("dicom", "plain", "enabled"),
            f"the unencrypted listener lets in by address, and sees one and the same for all: {why}",
            way_out,
        )


def modalities_come_by_ipv4(site: Site) -> Iterator[Violation]:
    """Orthanc listens for DICOM on IPv4 alone (1.10.1, 1.12.7, 1.13.0)."""
    if site.runtime != "native":
        return
    for name, modality in site.modalities.items():
        if is_ip(modality.address) and ":" in modality.address:
            yield Violation(
                ("modalities", name, "address"),
                f"Orthanc listens for DICOM on IPv4 alone: {name} can be called, and cannot call",
                "write its IPv4 address, if it is to send or ask",
                "warning",
            )


def nobody_is_locked_out(site: Site) -> Iterator[Violation]:
    """Rules that deny what is not allowed let the administrators in, and every modality has an address to let in."""
    rules = [name for name in site.network.firewall if name != "wireguard"]
    if not rules:
        return
    if not site.network.managed_from:
        yield Violation(
            ("network", "firewall"),
            "the rules deny what nothing allows, and no network of administrators is named: nobody could log in",
            "network: {managed_from: [192.168.1.0/24]}",
        )
    if not site.network.management_ports:
        yield Violation(
            ("network", "management_ports"), "the administrators could reach no port", "management_ports: [22]"
        )
    if site.dicom.ae_checks.calling_aet == "anyone":
        return
    for name, modality in site.modalities.items():
        if not is_ip(modality.address):
            yield Violation(
                ("modalities", name, "address"),
                f"{modality.address} is a name, and a firewall lets in by address",
                "write the IP address",
            )


def ports_of_management_are_free(site: Site) -> Iterator[Violation]:
    """A port of management is not one of the site's own."""
    own = {
        site.dicom.port: "dicom.port",
        site.http.port: "http.port",
        **({site.dicom.plain.port: "dicom.plain.port"} if site.dicom.plain.enabled else {}),
        **({site.backend.port: "backend.port"} if site.backend.enabled else {}),
        **({site.viewer.port: "viewer.port"} if site.viewer.enabled else {}),
        **({site.analysis.port: "analysis.port"} if site.analysis.enabled and site.runtime == "native" else {}),
    }
    for index, port in enumerate(site.network.management_ports):
        if port in own:
            yield Violation(
                ("network", "management_ports", index), f"port {port} is {own[port]} already",
                "name the port of SSH or of remote desktop",
            )  # fmt: skip


def lines_of_others_are_not_trusted(site: Site) -> Iterator[Violation]:
    """On a wan or cloud network, sources are named, and DICOM and HTTP are encrypted or come by VPN."""
    profile = site.network.profile
    if profile == "lan":
        for path, network in _named_networks(site):
            if not _is_local(network):
                yield Violation(
                    path, f"{network} is not of a local network", "profile: wan, if it is reached over lines of others",
                    "warning",
                )  # fmt: skip
        return
    if site.dicom.ae_checks.calling_aet == "anyone":
        yield Violation(
            ("dicom", "ae_checks", "calling_aet"), f"on a {profile} network, callers are named: anyone could call",
            "register the modalities, and calling_aet: registered_from_own_address",
        )  # fmt: skip
    for path, network in _named_networks(site):
        if is_over_wide(network):
            yield Violation(path, f"on a {profile} network, {network} is no named source", "name the networks")
    outside = {name: m for name, m in site.modalities.items() if not comes_by_vpn(site, m)}
    if outside and not site.dicom.tls.enabled:
        yield Violation(
            ("dicom", "tls", "enabled"),
            f"on a {profile} network, DICOM of {', '.join(outside)} would cross lines of others unencrypted",
            "dicom: {tls: {enabled: true}}, or an address of network.vpn for each of them",
        )
    if site.dicom.plain.enabled:
        names = [name for name, modality in outside.items() if not modality.tls]
        if names:
            yield Violation(
                ("dicom", "plain", "enabled"),
                f"on a {profile} network, DICOM of {', '.join(names)} would cross lines of others unencrypted",
                "give them TLS, or an address of network.vpn",
            )
    if not site.http.tls.enabled and not is_loopback(site.http.listen_on) and site.kind != "production":
        yield Violation(
            ("http", "tls", "enabled"),
            f"on a {profile} network, passwords and images would travel unencrypted",
            "http: {tls: {enabled: true}}, or listen_on: 127.0.0.1",
        )


def is_over_wide(network: str) -> bool:
    """Whether a network is more than one site's: as large as a share of the Internet, and not of private addresses."""
    parsed = ipaddress.ip_network(network)
    return not _is_local(network) and parsed.prefixlen < (8 if parsed.version == 4 else 32)


_LOCAL: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
                 "100.64.0.0/10", "fc00::/7", "fe80::/10", "::1/128", "192.0.2.0/24", "198.51.100.0/24",
                 "203.0.113.0/24", "2001:db8::/32")
)  # fmt: skip
"""RFC 1918, 3927, 1122, 6598, 4193, 4291; and of RFC 5737 and 3849 what is for examples."""


def _is_local(network: str) -> bool:
    parsed = ipaddress.ip_network(network)
    return any(parsed.version == one.version and parsed.subnet_of(one) for one in _LOCAL)  # type: ignore[arg-type]


def _named_networks(site: Site) -> Iterator[tuple[KeyPath, str]]:
    for field in ("allowed_sources", "managed_from"):
        for index, network in enumerate(getattr(site.network, field)):
            yield ("network", field, index), network
    for index, network in enumerate(site.observability.scraped_from):
        yield ("observability", "scraped_from", index), network


def vpn_is_whole(site: Site) -> Iterator[Violation]:
    """The VPN has a network with room, peers that exist, one source of each key, and is written for somebody."""
    vpn, listed = site.network.vpn, "wireguard" in site.network.firewall
    if vpn is None:
        if listed:
            yield Violation(
                ("network", "firewall"), "wireguard is listed, and there is no VPN",
                "network: {vpn: {network: 10.8.0.0/24, endpoint: vpn.hospital.example}}",
            )  # fmt: skip
        return
    parsed = ipaddress.ip_network(vpn.network)
    if parsed.num_addresses < 4:
        yield Violation(("network", "vpn", "network"), f"{vpn.network} has no room for a host and its peers", "use /24")
        return
    here = str(parsed[1])
    for name, modality in site.modalities.items():
        if modality.address in {here, str(parsed[0])} or (parsed.version == 4 and modality.address == str(parsed[-1])):
            yield Violation(
                ("modalities", name, "address"),
                f"{modality.address} is this host's own in the VPN, or none of a machine",
                "give it another address of network.vpn.network",
            )
    for name, peer in vpn.peers.items():
        path: KeyPath = ("network", "vpn", "peers", name)
        if name not in site.modalities:
            yield Violation(path, f"there is no modality {name}", "a peer is named as its modality", at="key")
        elif not comes_by_vpn(site, site.modalities[name]):
            yield Violation(
                path, f"{site.modalities[name].address} of {name} is no address of {vpn.network}",
                "give the modality an address of the VPN, or leave the peer out",
                at="key",
            )  # fmt: skip
        if peer.public_key is not None and peer.private_key is not None:
            yield Violation(path, "a peer has a public key of its own, or a private one made here", "leave one out")
    if listed and vpn.endpoint is None:
        yield Violation(
            ("network", "vpn"), "the peers do not know where to call: endpoint is missing",
            "endpoint: vpn.hospital.example",
        )  # fmt: skip
    if listed and not any(comes_by_vpn(site, modality) for modality in site.modalities.values()):
        yield Violation(
            ("network", "vpn", "network"), f"no modality has an address of {vpn.network}: the VPN has no peer",
            "write the addresses that the modalities have in the VPN", "warning",
        )  # fmt: skip


NETWORK_CHECKS: tuple[Callable[[Site], Iterator[Violation]], ...] = (
    addresses_are_seen,
    modalities_come_by_ipv4,
    nobody_is_locked_out,
    ports_of_management_are_free,
    lines_of_others_are_not_trusted,
    vpn_is_whole,
)
