"""Whether anything listens at an address, and at which addresses of this host."""

from __future__ import annotations

import socket
from typing import Final

import psutil

from orthancgen.site.types import is_ip, is_loopback

_SECONDS: Final = 3.0
_MOST_ADDRESSES: Final = 8


def answers(host: str, port: int) -> bool:
    """Whether a TCP connection is accepted, within three seconds."""
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def is_reached(host: str, port: int) -> bool:
    """Whether a TCP connection to an address of this host is accepted, and it still has that address afterwards."""
    return answers(host, port) and is_own_address(host)


def host_addresses() -> list[str]:
    """Addresses of this host, without loopback and link-local ones; the first few."""
    return _addresses()[:_MOST_ADDRESSES]


def is_own_address(host: str) -> bool:
    """Whether this host has that address, which is no loopback and no link-local one.

    Addresses come and go with containers. Where one went meanwhile, somebody else answers: whoever has it now, or a
    proxy on the way that accepts every connection.
    """
    return host in _addresses()


def _addresses() -> list[str]:
    found = [
        one.address
        for addresses in psutil.net_if_addrs().values()
        for one in addresses
        if one.family in (socket.AF_INET, socket.AF_INET6) and "%" not in one.address
    ]
    return [address for address in found if is_ip(address) and not is_loopback(address)]
