"""A firewall behind which nobody can log in to the host any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_rule_sets import host_firewalls, services_of
from orthancgen.audit.references import nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Filter
from orthancgen.site.problems import Mark

_OF_THE_SITE: Final = frozenset({80, 443, 8080, 8443})
"""Ports of web servers: beside those of Orthanc and databases, by which nobody manages a host."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every firewall of a host that denies by default and lets in to the ports of services alone."""
    services = {*services_of(subject), *_OF_THE_SITE}
    for firewall in host_firewalls(subject):
        if firewall.open_families():
            continue
        if any(_may_manage(one, services) for one in firewall.filters if one.hook != "forward"):
            continue
        yield Hit(
            "no rule lets in to a port by which this host is managed, such as 22", Mark(firewall.files[0].file, 1, 1, 1)
        )


def _may_manage(one: Filter, services: set[int]) -> bool:
    return not one.ports or any(first != last or first not in services for first, last in one.ports)


RULE: Final = Rule(
    id="firewall-without-management",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="A firewall locks the administrators out",
    why="With the rules loaded nobody reaches the host over the network, to mend them or anything else.",
    remedy="Let the administrators' network in to the port of SSH, before everything else, and load rules with a "
    "way back (`orthancgen firewall apply --revert-after`).",
    references=(nist_pacs("PR.AC-3"), nist_pacs("PR.IP-3")),
    find=find,
)
