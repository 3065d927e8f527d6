"""Sources and ports as firewalls write them."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, Literal

Family = Literal[4, 6]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Ports = tuple[tuple[int, int], ...]
"""Ranges of ports, both ends included; empty for all."""
Names = Literal["iana", "firewalld", "ufw"]

ANY: Final = "any"
EVERY_PORT: Final = ((0, 65535),)
_LAST_PORT: Final = 65535
_MOST_NETWORKS: Final = 64
"""How many networks a range of addresses may be; what would be more stays as it is written."""
_LONGEST: Final = 80
_NUMBER: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_SERVICES: Final = Path(__file__).with_name("services.json")


def source(text: str) -> str:
    """A source in CIDR form, ``any``, or as it is written where it is neither: a name, an octal number, a zone.

    Bits of the host are dropped, as every firewall drops them; a mask in dots is understood.
    """
    plain = text.strip()
    if plain.lower() in {"any", "anywhere", "*", "all"}:
        return ANY
    found = network(plain)
    if found is not None:
        return str(found)
    return plain[:253]


@lru_cache(maxsize=16_384)
def network(text: str) -> Network | None:
    """The network that a text in CIDR form or with a mask is, or None."""
    if len(text) > _LONGEST or "%" in text or not text.isascii():
        return None
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    # A mask that reads from the other end, as 0.0.0.255, means something else to each firewall.
    _, _, mask = text.partition("/")
    return None if "." in mask and mask.startswith("0.") and mask != "0.0.0.0" else found  # noqa: S104


def family(text: str) -> Family | None:
    """The version of IP of a source; None where it says none."""
    found = network(text)
    return None if found is None else (6 if found.version == 6 else 4)


def key(found: Network) -> tuple[int, int, int]:
    """Version, length of the prefix, and the prefix of a network, for look-ups."""
    return found.version, found.prefixlen, int(found.network_address) >> (found.max_prefixlen - found.prefixlen)


def sources_of_range(first: str, last: str) -> tuple[str, ...]:
    """The networks of a range of addresses; the range as it is written where these would be too many."""
    try:
        spans: list[Network] = []
        start, end = ipaddress.ip_address(first), ipaddress.ip_address(last)
        for one in ipaddress.summarize_address_range(start, end):
            spans.append(one)
            if len(spans) > _MOST_NETWORKS:
                break
        else:
            return tuple(str(one) for one in spans)
    except (ValueError, TypeError):
        pass
    return (f"{first}-{last}"[:253],)


def port_range(text: str) -> tuple[int, int] | None:
    """``104``, ``6000-6007`` or ``6000:6007`` (an open end is the first or last port); None where it is no port."""
    first, sign, last = text.strip().replace(":", "-").partition("-")
    if not sign:
        last = first
    elif not first and not last:
        return None
    low = _number(first) if first else 0
    high = _number(last) if last else _LAST_PORT
    return (low, high) if low is not None and high is not None and low <= high else None


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if _NUMBER.fullmatch(text) and int(text) <= _LAST_PORT else None


def named_ports(text: str, names: Names) -> Ports | None:
    """Ports by number, or by the name of a service; None where the name is not known.

    Args:
        text: as it is written.
        names: whose names they are.
    """
    given = port_range(text)
    if given is not None:
        return (given,)
    first, sign, last = text.partition(":")
    if sign and first and last:
        low, high = named_ports(first, names), named_ports(last, names)
        return ((low[0][0], high[-1][1]),) if low and high and low[0][0] <= high[-1][1] else None
    return service(text.strip(), names)


def service(name: str, names: Names) -> Ports | None:
    """The TCP ports of a service: empty where it has none, None where the name is not known."""
    table = _services()[names]
    found = table.get(name if names == "ufw" else name.lower())
    if found is None and names == "ufw":
        found = _services()["iana"].get(name.lower())
    return found


@cache
def _services() -> Mapping[str, Mapping[str, Ports]]:
    document = json.loads(_SERVICES.read_text(encoding="utf-8"))
    return {
        names: {name: tuple(one for text in ports if (one := port_range(text))) for name, ports in table.items()}
        for names, table in document.items()
        if isinstance(table, dict)
    }


def merged(ports: Iterable[tuple[int, int]]) -> Ports:
    """Ranges in order, those that touch made one."""
    out: list[tuple[int, int]] = []
    for low, high in sorted(ports):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return tuple(out)


def common_ports(one: Ports, other: Ports) -> Ports | None:
    """The ports of both, where an empty tuple is all of them; None where there is none."""
    if not one or not other:
        return one or other
    out: list[tuple[int, int]] = []
    first, second = merged(one), merged(other)
    i = j = 0
    while i < len(first) and j < len(second):
        low, high = max(first[i][0], second[j][0]), min(first[i][1], second[j][1])
        if low <= high:
            out.append((low, high))
        if first[i][1] < second[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out) or None


def other_ports(ports: Ports) -> Ports | None:
    """Every port that is not of these; None where there is none."""
    out, low = [], 0
    for first, last in merged(ports or EVERY_PORT):
        if first > low:
            out.append((low, first - 1))
        low = last + 1
    if low <= _LAST_PORT:
        out.append((low, _LAST_PORT))
    return tuple(out) or None
