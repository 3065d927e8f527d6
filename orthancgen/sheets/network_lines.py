"""Lines and notes about the network that the site's page and a caller's sheet share."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from orthancgen.firewall.policy import Filter
from orthancgen.plan.gateway import plain_modalities
from orthancgen.plan.model import Plan
from orthancgen.plan.sources import arrival
from orthancgen.sheets.connection import SiteFacts
from orthancgen.sheets.sheet import Message, NetworkNote
from orthancgen.site.network import CallersArrive
from orthancgen.site.types import is_ip, is_loopback

_INSIDE: Final = "INSIDE_ADDRESS"
"""Stands for this host's address behind the router, where the environment does not say it."""
_BETWEEN: Final[Mapping[CallersArrive, Message]] = {
    "by_userland_proxy": Message(
        "Calls of other hosts come by way of the engine's own proxy: Orthanc sees {seen} as the address of every "
        "caller, and cannot tell them apart by address."
    ),
    "by_rootless_engine": Message(
        "Calls of other hosts come by way of a rootless engine: Orthanc sees {seen} as the address of every caller, "
        "and cannot tell them apart by address."
    ),
    "by_docker_desktop": Message(
        "Calls of other hosts come by way of Docker Desktop: Orthanc sees {seen} as the address of every caller, "
        "and cannot tell them apart by address."
    ),
    "by_tcp_proxy": Message(
        "Calls of other hosts come by way of a TCP proxy: Orthanc sees {seen} as the address of every caller, "
        "and cannot tell them apart by address."
    ),
    "by_source_nat": Message(
        "Calls of other hosts come by way of a router that translates addresses: Orthanc sees {seen} as the address of "
        "every caller, and cannot tell them apart by address."
    ),
}
"""How calls come, where Orthanc does not see the callers' addresses; whole sentences, for they are translated."""


def allowed(one: Filter) -> str:
    """A filter as people read it."""
    return f"{one.source} -> {one.protocol} {one.port}  ({one.reason})"


def caller_of(plan: Plan, name: str | None) -> str:
    """Who of this host calls a modality."""
    return "gateway" if name in plain_modalities(plan.site) else "Orthanc"


def addresses_seen(plan: Plan) -> Iterator[NetworkNote]:
    """Whose address Orthanc sees; nothing where that is each caller's own."""
    arrived, way = arrival(plan.site), plan.site.network.callers_arrive
    if not arrived.kept and way in _BETWEEN:
        text = replace(_BETWEEN[way], values={"seen": arrived.seen or ""})
        yield NetworkNote(Message("Which address Orthanc sees"), text)


def forwarding(one: Filter, inside: str) -> str:
    """What a router is to forward for a filter."""
    return f"{one.source} -> router {one.protocol} {one.port} -> {joined(inside, one.port)}"


def is_translated(one: Filter, inside: str) -> bool:
    """Whether a router that translates addresses forwards it: IPv6 is routed, not translated."""
    return one.family == (6 if ":" in inside else 4)


def inside_address(facts: SiteFacts) -> str:
    """The first private address by which the site is reached, else a word to replace."""
    for host in facts.connections[-1].hosts if facts.connections else ():
        if is_ip(host) and ipaddress.ip_address(host).is_private and not is_loopback(host):
            return host
    return _INSIDE


def joined(host: str, port: int) -> str:
    """``HOST:PORT``, an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
