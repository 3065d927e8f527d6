"""Names and addresses of hosts: which are this host, a container beside it, or the world."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, urlsplit

from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import ComposeService

_THIS_HOST = frozenset({"localhost", "ip6-localhost", "host.docker.internal", "gateway.docker.internal"})
_EVERY = frozenset({"", "0.0.0.0", "::", "[::]", "*"})  # noqa: S104  addresses to recognise, not to bind
_URL = re.compile(r"https?://[^\s\"'<>\\]{1,2000}", flags=re.IGNORECASE)


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a text is, in brackets or not; None for a name."""
    try:
        return ipaddress.ip_address(host.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None


def is_this_host(host: str) -> bool:
    """Whether a name or an address is of the loopback range, or the host of a container."""
    address = address_of(host)
    return address.is_loopback if address else host.strip().rstrip(".").lower() in _THIS_HOST


def is_every_address(host: str) -> bool:
    """Whether an address to listen on means all of them."""
    return host.strip() in _EVERY


def is_public(host: str) -> bool:
    """Whether an address is one of the Internet, or a CIDR network lets in such; a name is not looked up."""
    try:
        network = ipaddress.ip_network(host.strip().strip("[]"), strict=False)
    except ValueError:
        return False
    return network.is_global or network.prefixlen == 0


def split_url(url: str) -> SplitResult | None:
    """The parts of an http or https URL; None where it is none."""
    try:
        parts = urlsplit(url.strip())
        _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts if parts.scheme.lower() in {"http", "https"} and parts.hostname else None


def urls_in(texts: Iterable[str]) -> Iterator[str]:
    """Every http or https URL in texts."""
    for text in texts:
        yield from _URL.findall(text)


def names_of(service: ComposeService) -> frozenset[str]:
    """The names by which other containers reach one."""
    plain = service.node.plain()
    names = {service.name}
    if isinstance(plain, dict):
        names |= {str(plain[key]) for key in ("container_name", "hostname") if plain.get(key)}
        networks = plain.get("networks")
        for network in networks.values() if isinstance(networks, dict) else ():
            names |= {str(one) for one in (network or {}).get("aliases") or ()} if isinstance(network, dict) else set()
            fixed = [network.get("ipv4_address"), network.get("ipv6_address")] if isinstance(network, dict) else []
            names |= {str(one) for one in fixed if one}
    return frozenset(name.lower() for name in names)


def stays_on_host(subject: Subject, orthanc: Orthanc, host: str) -> bool:
    """Whether what an Orthanc sends to a host never leaves the machine: it is this host, or a container beside it."""
    if is_this_host(host):
        return True
    mine = subject.service_of(orthanc)
    if mine is None:
        return False
    return any(
        host.strip("[]").lower() in names_of(service) and set(service.networks) & set(mine.networks)
        for compose, service in subject.services
        if mine in compose.services.values()
    )
