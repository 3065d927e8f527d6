"""A firewall that drops the answers to what the host asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_rule_sets import host_firewalls, spoken
from orthancgen.audit.references import nist_pacs, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import Mark


def find(subject: Subject) -> Iterator[Hit]:
    """Every firewall of a host that denies by default and lets in no established connections."""
    for firewall in host_firewalls(subject):
        families = firewall.deaf_families()
        if not families:
            continue
        file = next(one for one in firewall.files if set(families) & one.families)
        message = f"packets of established connections are dropped by {spoken(families)}: no answer reaches this host"
        yield Hit(message, Mark(file.file, 1, 1, 1))


RULE: Final = Rule(
    id="firewall-drops-answers",
    severity=Severity.HIGH,
    confidence="likely",
    title="A firewall drops the answers to what the host asks",
    why="C-MOVE and C-STORE to a modality, calls of peers, updates and name look-ups hang until they time out, and "
    "somebody turns the firewall off.",
    remedy="Put before all other rules: `ct state established,related accept` (nftables), `-m conntrack --ctstate "
    "ESTABLISHED,RELATED -j ACCEPT` (iptables).",
    references=(
        page("nft(8): connection tracking", "https://www.netfilter.org/projects/nftables/manpage.html"),
        nist_pacs("PR.PT-4"),
    ),
    find=find,
)
