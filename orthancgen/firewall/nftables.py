"""nftables: one table of our own, loaded as a whole; the rules of others stay.

Sources: nft(8); the Netfilter project's wiki, "Conntrack" and "Atomic rule replacement".
"""

from __future__ import annotations

from typing import Final

from orthancgen.firewall.dialect import Dialect, RuleFile, everything, script
from orthancgen.firewall.policy import Policy
from orthancgen.plan.model import Plan
from orthancgen.render.engine import render_template


def _rules(plan: Plan, policy: Policy) -> str:
    return render_template(
        "firewall/nftables/rules.nft",
        environment=policy.environment,
        input=policy.of_hook("input"),
        forward=policy.of_hook("forward"),
        published=sorted({one.port for one in policy.published}),
        containers=plan.site.containers.subnet,
    )


NFTABLES: Final = Dialect(
    "nftables",
    "nftables",
    "host",
    (RuleFile("rules.nft", _rules), script("nftables")),
    everything,
)
