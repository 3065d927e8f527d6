"""A source of a firewall's filter that programs read in different ways, or not at all."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_rule_sets import CLOUDS
from orthancgen.audit.references import nist_pacs, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import FirewallKind
from orthancgen.site.problems import printable

_REFERENCE: Final = re.compile(
    r"^[@+$<]|\$\{|^(?:sg|pl|vpc|subnet)-|^(?:tag|service_account|ipset|zone|set|interface)[:=]|\[|\.(?:id|cidr_block)$"
)
"""Sets, groups and other rules that are named, and variables."""
_OCTAL: Final = re.compile(r"(?:^|\.)0[0-9]")
_NUMBER: Final = re.compile(r"(?:0[xX][0-9a-fA-F]+|\d+)(?:/\d+)?")
_OTHER_END: Final = re.compile(r"/0\.")
_RANGE: Final = re.compile(r"[0-9a-fA-F.:]+-[0-9a-fA-F.:]+")
_NAME: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")
_WORDS: Final = frozenset(
    {
        "any", "*", "anywhere", "internet", "localsubnet", "localsubnet4", "localsubnet6", "dns", "dhcp", "wins",
        "defaultgateway",
    }
)  # fmt: skip
"""Words that are no names of hosts: of Windows and ufw."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every source that is no network in its one canonical form, and no reference to something else."""
    for file in subject.target.firewalls:
        for one in file.filters:
            for source in one.sources:
                fault = _fault(source, file.kind)
                if fault:
                    yield Hit(f"{printable(source)} {fault}", one.mark, one.path)


def _fault(source: str, kind: FirewallKind) -> str:
    """What is wrong with a source; "" where nothing is."""
    text = source.strip()
    if text.lower() in _WORDS or _REFERENCE.search(text) or _RANGE.fullmatch(text):
        return ""
    if "%" in text:
        return "names an interface: what stands behind % is ignored, or the rule is refused"
    if ":" not in text and _OCTAL.search(text):
        return "has a leading zero: some programs read the number as octal, and let another address in"
    if _OTHER_END.search(text):
        return "has a mask that programs read from opposite ends"
    if _is_network(text):
        return ""
    if _NUMBER.fullmatch(text):
        return "is a number: programs that read it at all take it for an address"
    if kind in CLOUDS:
        return ""  # a group, or a service of the cloud
    if _NAME.fullmatch(text):
        return "is a name: it is looked up once, when the rules are loaded, and without DNS they do not load"
    return "is no address and no network"


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


RULE: Final = Rule(
    id="firewall-source-not-an-address",
    severity=Severity.HIGH,
    confidence="certain",
    title="A firewall's source is not an address in its one form",
    why="The host that is let in is another than the one that a reader sees; whoever controls the name in DNS is let "
    "in, and rules that do not load leave the host open.",
    remedy="Write addresses and networks in their canonical form: 192.168.10.21, 192.168.10.0/24, fd00:10::/64.",
    references=(rfc(4632, "3.1"), rfc(5952, "4"), nist_pacs("PR.AC-5")),
    find=find,
)
