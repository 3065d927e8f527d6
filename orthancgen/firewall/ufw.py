"""ufw: the rules of the host as ufw itself writes them, and the published ports of containers in its after.rules.

Sources: ufw(8), ufw-framework(8); the writing of user.rules is that of ufw 0.36, `UFWBackendIptables._write_rules`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.firewall.dialect import Dialect, RuleFile, everything, script
from orthancgen.firewall.policy import EVERY_ADDRESS, Filter, Policy
from orthancgen.plan.model import Plan
from orthancgen.render.engine import render_template

Family = Literal[4, 6]


@dataclass(frozen=True, slots=True)
class Row:
    """A filter as ufw writes it.

    Attributes:
        network: the source in CIDR notation.
        source: the source as ufw writes it: a single address without its length.
        everywhere: the network of every address of the family.
        comment: the label in hexadecimal.
    """

    protocol: str
    port: int
    network: str
    source: str
    everywhere: str
    label: str
    reason: str
    comment: str


def rows(filters: tuple[Filter, ...], family: Family) -> Iterator[Row]:
    """The filters of one family, in order."""
    for one in filters:
        if one.family == family:
            network = ipaddress.ip_network(one.source)
            source = str(network.network_address) if network.prefixlen == network.max_prefixlen else one.source
            everywhere = EVERY_ADDRESS[0 if family == 4 else 1]
            comment = one.label.encode("ascii").hex()
            yield Row(one.protocol, one.port, one.source, source, everywhere, one.label, one.reason, comment)


def _user_rules(policy: Policy, family: Family) -> str:
    return render_template(
        "firewall/ufw/user.rules",
        environment=policy.environment,
        family=family,
        rows=tuple(rows(policy.of_hook("input"), family)),
    )


def _after_rules(plan: Plan, policy: Policy, family: Family) -> str:
    return render_template(
        "firewall/ufw/after.rules",
        environment=policy.environment,
        family=family,
        rows=tuple(rows(policy.of_hook("forward"), family)),
        published=sorted({one.port for one in policy.published}),
        containers=plan.site.containers.subnet,
    )


UFW: Final = Dialect(
    name="ufw",
    title="ufw",
    where="host",
    files=(
        RuleFile("user.rules", lambda _, policy: _user_rules(policy, 4)),
        RuleFile("user6.rules", lambda _, policy: _user_rules(policy, 6)),
        RuleFile("after.rules", lambda plan, policy: _after_rules(plan, policy, 4)),
        RuleFile("after6.rules", lambda plan, policy: _after_rules(plan, policy, 6)),
        RuleFile("after.init", lambda plan, policy: render_template("firewall/ufw/after.init")),
        script("ufw"),
    ),
    unexpressed=everything,
)
