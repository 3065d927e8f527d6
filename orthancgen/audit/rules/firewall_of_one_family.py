"""A firewall that one of IPv4 and IPv6 passes by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_rule_sets import host_firewalls
from orthancgen.audit.references import nist_pacs, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import Mark


def find(subject: Subject) -> Iterator[Hit]:
    """Every firewall of a host whose rules are of one family, where no other covers the second."""
    all_of_them = host_firewalls(subject)
    covered = {family for firewall in all_of_them for family in firewall.families}
    for firewall in all_of_them:
        if firewall.families and {4, 6} - covered:
            there = next(iter(firewall.families))
            message = f"there are rules for IPv{there} alone: IPv{10 - there} reaches this host as if there were none"
            yield Hit(message, Mark(firewall.files[0].file, 1, 1, 1))


RULE: Final = Rule(
    id="firewall-of-one-family",
    severity=Severity.HIGH,
    confidence="likely",
    title="A firewall filters IPv4 and not IPv6, or the other way round",
    why="A host has an IPv6 address without anybody asking for it, at least on its own network; HTTP servers and the "
    "container engine listen on it, and every rule is passed by.",
    remedy="Write rules for both: a table of nftables of the family inet, or the same in ip6tables, if only to drop.",
    references=(nist_pacs("PR.AC-5"), owasp_docker("5a")),
    find=find,
)
