"""iptables and ip6tables: chains of our own, to which INPUT and FORWARD of the table mangle jump first.

Sources: iptables(8), iptables-restore(8), iptables-extensions(8); Docker's documentation, "Packet filtering and
firewalls", on comparing the port that the caller wrote. Its chain DOCKER-USER is not used: Docker 20.10 has none for
IPv6, and puts its own rules in front when it starts again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from orthancgen.firewall.dialect import Dialect, RuleFile, everything, script
from orthancgen.firewall.policy import Policy
from orthancgen.plan.model import Plan
from orthancgen.render.engine import render_template

_ICMP: Final = {4: (3, 8, 11, 12), 6: (1, 2, 3, 4, 128, 130, 131, 132, 134, 135, 136, 143)}
"""Types by number, which every release of iptables takes: destination unreachable, echo request, time exceeded,
parameter problem; for IPv6 also packet too big, and those of neighbours, routers and multicast listeners. IANA, "ICMP
Parameters" and "ICMPv6 Parameters"."""


def _rules(version: Literal[4, 6]) -> Callable[[Plan, Policy], str]:
    def build(plan: Plan, policy: Policy) -> str:
        return render_template(
            "firewall/iptables/rules",
            environment=policy.environment,
            version=version,
            icmp=_ICMP[version],
            input=[one for one in policy.of_hook("input") if one.family == version],
            forward=[one for one in policy.of_hook("forward") if one.family == version],
            published=sorted({one.port for one in policy.published}),
            containers=plan.site.containers.subnet,
        )

    return build


IPTABLES: Final = Dialect(
    "iptables",
    "iptables and ip6tables",
    "host",
    (RuleFile("rules.v4", _rules(4)), RuleFile("rules.v6", _rules(6)), script("iptables")),
    everything,
)
