"""A rule of a cloud's firewall of which nobody knows what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_rule_sets import CLOUDS
from orthancgen.audit.references import nist_pacs, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every filter of a cloud without a description."""
    for file in subject.target.firewalls:
        for one in file.filters if file.kind in CLOUDS else ():
            if not one.description.strip():
                sources = ", ".join(printable(source) for source in one.sources[:3]) or "somebody"
                yield Hit(f"nothing says why {sources} is let in", one.mark, one.path)


RULE: Final = Rule(
    id="firewall-rule-without-reason",
    severity=Severity.LOW,
    confidence="certain",
    title="A rule of a firewall does not say what it is for",
    why="Rules that nobody understands are never removed, and let in modalities and vendors that left years ago.",
    remedy="Give it a description with the modality or the network, and who asked for it.",
    references=(
        page("AWS: security group rules", "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"),
        nist_pacs("PR.IP-3"),
    ),
    find=find,
)
