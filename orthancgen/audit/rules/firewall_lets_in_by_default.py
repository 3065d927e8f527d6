"""A firewall that lets in what nobody spoke of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_rule_sets import host_firewalls, spoken
from orthancgen.audit.references import nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import Mark


def find(subject: Subject) -> Iterator[Hit]:
    """Every firewall of a host without a policy or a last rule that drops."""
    for firewall in host_firewalls(subject):
        families = firewall.open_families()
        if not families or firewall.guards_containers_alone:
            continue
        file = next(one for one in firewall.files if set(families) & one.families)
        message = f"what no rule speaks of is let in to the programs of this host by {spoken(families)}"
        yield Hit(message, Mark(file.file, 1, 1, 1))


RULE: Final = Rule(
    id="firewall-lets-in-by-default",
    severity=Severity.HIGH,
    confidence="likely",
    title="A firewall lets in what no rule speaks of",
    why="Its rules allow what is open anyhow: every port that some program opens, today or after the next update, is "
    "reached by everybody.",
    remedy="Deny by default: `policy drop` in the input chain (nftables), `-P INPUT DROP` (iptables), `ufw "
    "default deny incoming`.",
    references=(nist_pacs("PR.AC-5"), nist_pacs("PR.PT-4")),
    find=find,
)
