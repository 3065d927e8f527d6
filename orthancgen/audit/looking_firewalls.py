"""What firewalls say of a port: who may reach it, and whether they close it altogether."""

from __future__ import annotations

from collections.abc import Iterator

from orthancgen.audit.looking_hosts import is_public
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Filter, FirewallFile
from orthancgen.site.problems import printable

_CLOUDS = frozenset({"aws", "google_cloud", "azure"})


def filters_of(subject: Subject, port: int, *, published: bool) -> Iterator[tuple[FirewallFile, Filter]]:
    """The filters that let a port in: of the host's own programs, or published by a container engine."""
    hook = "forward" if published else "input"
    for firewall in subject.target.firewalls:
        for one in firewall.filters:
            opens = not one.ports or any(first <= port <= last for first, last in one.ports)
            if one.hook in {hook, "any"} and opens:
                yield firewall, one


def lets_in_the_world(one: Filter) -> bool:
    """Whether a filter lets in addresses of the Internet."""
    return any(source == "any" or is_public(source) for source in one.sources)


def shown(firewall: FirewallFile, one: Filter, port: int) -> str:
    """A filter in words: which file lets whom reach which port."""
    sources = printable(", ".join(one.sources[:3]))
    return f"{printable(firewall.file)} lets {sources} reach port {port}"


def is_closed(subject: Subject, port: int, *, published: bool) -> bool:
    """Whether a firewall of the set-up lets nobody reach a port.

    A host's own firewall is not believed of published ports: which of them it guards is not known by their absence.
    """
    if any(True for _ in filters_of(subject, port, published=published)):
        return False
    dropping = [
        one
        for one in subject.target.firewalls
        if one.drops_by_default and (one.kind in _CLOUDS or not published) and not one.problems
    ]
    return {4, 6} <= {family for one in dropping for family in one.families}
