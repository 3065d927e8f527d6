"""Whether calls of other hosts reach Orthanc, and this host, with the addresses of those who call.

`DicomCheckModalityHost` compares the address that Orthanc's socket shows. Whatever accepts the connection before
Orthanc and makes a new one, or translates source addresses, puts one address in the place of all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.plan.addresses import addresses
from orthancgen.site.model import Site
from orthancgen.site.network import CallersArrive

Hook = Literal["input", "forward"]
"""Where this host's packet filter sees a call: on its way to a program of the host, or on its way to a container."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a call that comes from another host.

    Attributes:
        kept: Orthanc sees the caller's own address.
        filtered_by_source: this host's packet filter sees the caller's own address.
        hook: where the packet filter sees it.
        seen: the one address that Orthanc sees instead; None where each caller's own is seen.
        by: what stands between, for sentences.
    """

    kept: bool
    filtered_by_source: bool
    hook: Hook
    seen: str | None
    by: str


_BETWEEN: Final[Mapping[CallersArrive, str]] = {
    "directly": "nothing in between",
    "by_userland_proxy": "the engine's own proxy",
    "by_rootless_engine": "the network of a rootless engine",
    "by_docker_desktop": "Docker Desktop's network",
    "by_tcp_proxy": "a TCP proxy",
    "by_source_nat": "a router that translates source addresses",
}


def arrival(site: Site) -> Arrival:
    """How calls of other hosts arrive at this site."""
    way = site.network.callers_arrive
    by = _BETWEEN[way]
    container = site.runtime != "native"
    if way == "directly":
        return Arrival(True, True, "forward" if container else "input", None, by)
    if way in {"by_tcp_proxy", "by_source_nat"}:
        return Arrival(False, False, "forward" if container else "input", site.network.seen_address, by)
    # A program of this host accepts the connection, and calls the container from the bridge's address.
    return Arrival(False, True, "input", addresses(site).host_seen, by)
