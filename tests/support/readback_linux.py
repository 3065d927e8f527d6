"""What the rule files of a Linux host let in, read line by line: what is neither known nor the frame's is an error."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import Policy
from orthancgen.plan.model import Plan
from tests.support.readback import UnreadableError

Line = tuple[str, int, str, str, str]
"""Source network, port, protocol, hook, label."""

_NET, _PORT, _LABEL = r"(?P<source>[0-9a-f.:]+/\d+)", r"(?P<port>\d+)", r"(?P<label>[A-Za-z0-9 ._:/-]{1,60})"
_PATTERNS: Final = {
    "nftables": (
        rf'\t\tip6? saddr {_NET} (?P<protocol>tcp|udp) dport {_PORT} accept comment "{_LABEL}"',
        (
            rf"\t\tip6? saddr {_NET} meta l4proto (?P<protocol>tcp) ct original proto-dst (?P<forward>\d+) accept "
            rf'comment "{_LABEL}"'
        ),
    ),
    "iptables": (
        (
            rf"-A ORTHANCGEN-IN -s {_NET} -p (?P<protocol>tcp|udp) --dport {_PORT} -m comment --comment "
            rf'"{_LABEL}" -j ACCEPT'
        ),
        (
            rf"-A ORTHANCGEN-PUB -s {_NET} -p (?P<protocol>tcp) -m conntrack --ctorigdstport (?P<forward>\d+) "
            rf'-m comment --comment "{_LABEL}" -j RETURN'
        ),
    ),
}
"""Dialect -> each form of a line that lets somebody in."""
DIALECTS_READ: Final = tuple(_PATTERNS)
_COMMENT: Final = re.compile(r"\s*# [\x20-\x7e]*")


def lines(name: str, plan: Plan, policy: Policy) -> set[Line]:
    """What a dialect's files let in.

    Raises:
        UnreadableError: a line is neither the frame's, nor a comment, nor lets somebody in.
    """
    found: set[Line] = set()
    for line in _beyond_the_frame(name, plan, policy):
        if _COMMENT.fullmatch(line) or not line:
            continue
        matched = next((m for pattern in _PATTERNS[name] if (m := re.fullmatch(pattern, line))), None)
        if matched is None:
            raise UnreadableError(f"{name}: {line!r}")
        groups = matched.groupdict()
        hook = "forward" if groups.get("forward") else "input"
        port = int(groups.get("forward") or groups["port"])
        found.add((groups["source"], port, groups["protocol"], hook, groups["label"]))
    return found


def expected(name: str, policy: Policy) -> set[Line]:
    """The same of a policy."""
    del name
    return {(one.source, one.port, one.protocol, one.hook, one.label) for one in policy.filters}


def _beyond_the_frame(name: str, plan: Plan, policy: Policy) -> Iterator[str]:
    for file in DIALECTS[name].files:
        if not file.wanted(plan):
            continue
        whole, frame = (file.build(plan, one).split("\n") for one in (policy, replace(policy, filters=())))
        missing = Counter(frame) - Counter(whole)
        if missing:
            raise UnreadableError(f"{name}: without filters there is {sorted(missing)}")
        left = Counter(whole) - Counter(frame)
        yield from left.elements()
