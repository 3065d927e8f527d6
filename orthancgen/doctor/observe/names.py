"""Names and addresses: what a name leads to, which addresses this host has, and how it would go to another one."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Final

from orthancgen.doctor.case import Case

_RESOLVE_SECONDS: Final = 5.0
_ANY_PORT: Final = 104
_NO_ROUTE: Final = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
)
"""What the kernel says of routes that are missing, `unreachable`, `prohibit`; and where it has no IPv6 at all."""


def own_addresses(case: Case) -> frozenset[str]:
    """Every address of this host, of all its interfaces, without zones."""

    def look() -> frozenset[str]:
        import psutil

        found = set()
        for addresses in psutil.net_if_addrs().values():
            for one in addresses:
                if one.family in {socket.AF_INET, socket.AF_INET6}:
                    found.add(one.address.partition("%")[0])
        return frozenset(found)

    return case.once("own addresses", look)


def is_own(case: Case, address: str) -> bool:
    """Whether an address leads to this host."""
    parsed = ipaddress.ip_address(address)
    return parsed.is_loopback or parsed.is_unspecified or str(parsed) in own_addresses(case)


def resolved(case: Case, name: str) -> tuple[str, ...] | str:
    """The addresses of a name, in the resolver's order; or why there is none."""

    def look() -> tuple[str, ...] | str:
        import threading

        found: list[tuple[str, ...] | str] = []

        def ask() -> None:
            try:
                rows = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
                found.append(tuple(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in rows)))
            except (OSError, UnicodeError) as error:
                found.append(str(getattr(error, "strerror", None) or error))

        # The resolver has no time limit of its own: a server of names that does not answer takes minutes.
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(_RESOLVE_SECONDS)
        return found[0] if found else f"no server of names answers within {_RESOLVE_SECONDS:g} s"

    return case.once(f"name {name}", look)


def no_route(address: str) -> str | None:
    """Why this host has no way to an address; None where it has one. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, _ANY_PORT))
    except OSError as error:
        return error.strerror if error.errno in _NO_ROUTE else None
    return None


def source_towards(address: str) -> str | None:
    """The address of this host from which it would call another one; None where there is no way. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, _ANY_PORT))
            return str(probe.getsockname()[0]).partition("%")[0]
    except OSError:
        return None


def interface_towards(case: Case, address: str) -> str | None:
    """The interface by which packets from an address come, where they come the way by which answers would go."""
    import psutil

    own = source_towards(address)
    if own is None:
        return None

    def look() -> dict[str, str]:
        return {
            one.address.partition("%")[0]: name
            for name, addresses in psutil.net_if_addrs().items()
            for one in addresses
        }

    return case.once("interfaces", look).get(own)
