"""Addresses of this host by which others may reach it: what sheets name where the environment names no host."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

import psutil

_INNER: Final = re.compile(r"docker|br-|veth|virbr|cni|flannel|podman|lxc|wg|tun|tap", re.ASCII)
"""Start of the names of interfaces that lead to containers, virtual machines and tunnels."""


def own_addresses(*, ipv6: bool) -> tuple[str, ...]:
    """The addresses of this host's network cards, IPv4 first; the loopback address where it has no other.

    Args:
        ipv6: whether the service answers on IPv6 at all.
    """
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = [
        ipaddress.ip_address(one.address.partition("%")[0])
        for name, addresses in sorted(psutil.net_if_addrs().items())
        if name in up and not _INNER.match(name)
        for one in addresses
        if one.family == socket.AF_INET or (ipv6 and one.family == socket.AF_INET6)
    ]
    usable = [one for one in found if not (one.is_loopback or one.is_link_local or one.is_unspecified)]
    return tuple(str(one) for one in sorted(usable, key=lambda one: one.version)) or ("127.0.0.1",)
