"""What the rule files of a Linux host let in, read line by line: what is neither known nor the frame's is an error."""

from __future__ import annotations

import ipaddress
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import Policy
from orthancgen.plan.model import Plan
from tests.support.readback import UnreadableError

Line = tuple[str, int, str, str, str]
"""Source network, port, protocol, hook, label; the label is empty where a dialect writes none."""

_NET, _PORT, _LABEL = r"(?P<source>[0-9a-f.:]+/\d+)", r"(?P<port>\d+)", r"(?P<label>[A-Za-z0-9 ._:/-]{1,60})"
_FORWARD: Final = (
    rf"-s {_NET} -p (?P<protocol>tcp) -m conntrack --ctorigdstport (?P<forward>\d+) "
    rf'-m comment --comment "{_LABEL}" -j RETURN'
)
_NFT_FORWARD: Final = r"meta l4proto (?P<protocol>tcp) ct original proto-dst (?P<forward>\d+) accept comment"
_IPTABLES: Final = rf"-A ORTHANCGEN-IN -s {_NET} -p (?P<protocol>tcp|udp) --dport {_PORT} -m comment --comment"
_PATTERNS: Final = {
    "nftables": (
        rf'\t\tip6? saddr {_NET} (?P<protocol>tcp|udp) dport {_PORT} accept comment "{_LABEL}"',
        rf'\t\tip6? saddr {_NET} {_NFT_FORWARD} "{_LABEL}"',
    ),
    "iptables": (rf'{_IPTABLES} "{_LABEL}" -j ACCEPT', f"-A ORTHANCGEN-PUB {_FORWARD}"),
}
"""Dialect -> each form of a line that lets somebody in."""
_COMMENT: Final = re.compile(r"\s*# [\x20-\x7e]*")
_UFW_TUPLE: Final = re.compile(
    r"### tuple ### allow (?P<protocol>tcp|udp) (?P<port>\d+) (?:0\.0\.0\.0/0|::/0) any (?P<source>[0-9a-f.:/]+) in "
    r"comment=(?P<label>(?:[0-9a-f]{2})+)"
)
_UFW_RULE: Final = re.compile(
    r"-A ufw(?P<six>6?)-user-input -p (?P<protocol>tcp|udp) --dport (?P<port>\d+)"
    r"(?: -s (?P<source>[0-9a-f.:/]+))? -j ACCEPT"
)


def lines(name: str, plan: Plan, policy: Policy) -> set[Line]:
    """What a dialect's files let in.

    Raises:
        UnreadableError: something is neither the frame's, nor a comment, nor lets somebody in.
    """
    return _READERS.get(name, _by_line)(name, plan, policy)


def expected(name: str, policy: Policy) -> set[Line]:
    """The same of a policy."""
    labels = {"firewalld": {"forward"}}.get(name, {"input", "forward"})
    return {
        (one.source, one.port, one.protocol, one.hook, one.label if one.hook in labels else "")
        for one in policy.filters
    }


def _by_line(name: str, plan: Plan, policy: Policy) -> set[Line]:
    return {_read(name, line, _PATTERNS[name]) for line in _beyond_the_frame(name, plan, policy)}


def _read(name: str, line: str, patterns: Iterable[str]) -> Line:
    matched = next((m for pattern in patterns if (m := re.fullmatch(pattern, line))), None)
    if matched is None:
        raise UnreadableError(f"{name}: {line!r}")
    groups = matched.groupdict()
    hook = "forward" if groups.get("forward") else "input"
    return groups["source"], int(groups.get("forward") or groups["port"]), groups["protocol"], hook, groups["label"]


def _ufw(name: str, plan: Plan, policy: Policy) -> set[Line]:
    """Each rule stands twice in user.rules: as ufw lists it, and as iptables reads it."""
    listed: set[Line] = set()
    obeyed: set[tuple[str, int, str]] = set()
    for line in _beyond_the_frame(name, plan, policy):
        if told := _UFW_TUPLE.fullmatch(line):
            label = bytes.fromhex(told["label"]).decode("ascii")
            listed.add((_network(told["source"]), int(told["port"]), told["protocol"], "input", label))
        elif rule := _UFW_RULE.fullmatch(line):
            source = _network(rule["source"] or ("::/0" if rule["six"] else "0.0.0.0/0"))
            obeyed.add((source, int(rule["port"]), rule["protocol"]))
        else:
            listed.add(_read(name, line, [f"-A ORTHANCGEN-PUB {_FORWARD}"]))
    if {one[:3] for one in listed if one[3] == "input"} != obeyed:
        raise UnreadableError(f"{name}: the list and the rules differ")
    return listed


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text))


def _firewalld(name: str, plan: Plan, policy: Policy) -> set[Line]:
    files = {file.path: file for file in DIALECTS[name].files}
    found: set[Line] = set()
    whole, frame = (files["policy.xml"].build(plan, one) for one in (policy, replace(policy, filters=())))
    rules = Counter(ET.tostring(rule).strip() for rule in ET.fromstring(whole).iter("rule"))
    for text in (rules - Counter(ET.tostring(rule).strip() for rule in ET.fromstring(frame).iter("rule"))).elements():
        rule = ET.fromstring(text)
        parts = {part.tag: part.attrib for part in rule}
        if set(parts) - {"source"} != {"port", "accept"} or set(parts["port"]) != {"port", "protocol"}:
            raise UnreadableError(f"{name}: {text!r}")
        everywhere = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}[rule.attrib["family"]]
        source = parts["source"]["address"] if "source" in parts else everywhere
        found.add((source, int(parts["port"]["port"]), parts["port"]["protocol"], "input", ""))
    direct = ET.fromstring(files["direct.xml"].build(plan, policy))
    without = ET.fromstring(files["direct.xml"].build(plan, replace(policy, filters=())))
    texts = Counter((rule.attrib["ipv"], rule.attrib["chain"], rule.text or "") for rule in direct.iter("rule"))
    texts -= Counter((rule.attrib["ipv"], rule.attrib["chain"], rule.text or "") for rule in without.iter("rule"))
    for ipv, chain, said in texts.elements():
        line = _read(name, said, [_FORWARD])
        if chain != "ORTHANCGEN-PUB" or (":" in line[0]) != (ipv == "ipv6"):
            raise UnreadableError(f"{name}: {said!r} in {chain} of {ipv}")
        found.add(line)
    return found


_READERS: Final[Mapping[str, Callable[[str, Plan, Policy], set[Line]]]] = {"ufw": _ufw, "firewalld": _firewalld}
DIALECTS_READ: Final = (*_PATTERNS, *_READERS)


def _beyond_the_frame(name: str, plan: Plan, policy: Policy) -> Iterator[str]:
    """The lines that a policy's filters add to its files, without comments."""
    for file in DIALECTS[name].files:
        if not file.wanted(plan):
            continue
        whole, frame = (file.build(plan, one).split("\n") for one in (policy, replace(policy, filters=())))
        missing = Counter(frame) - Counter(whole)
        if missing:
            raise UnreadableError(f"{name}: without filters there is {sorted(missing)}")
        left = Counter(whole) - Counter(frame)
        yield from (line for line in left.elements() if line and not _COMMENT.fullmatch(line))
