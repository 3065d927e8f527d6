"""Every dialect, by its name in the model; a row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.errors import RenderError
from orthancgen.firewall.aws import AWS
from orthancgen.firewall.azure import AZURE
from orthancgen.firewall.dialect import Dialect, Unexpressed
from orthancgen.firewall.firewalld import FIREWALLD
from orthancgen.firewall.google_cloud import GOOGLE_CLOUD
from orthancgen.firewall.iptables import IPTABLES
from orthancgen.firewall.nftables import NFTABLES
from orthancgen.firewall.policy import policy
from orthancgen.firewall.ufw import UFW
from orthancgen.firewall.windows import WINDOWS
from orthancgen.firewall.wireguard import WIREGUARD
from orthancgen.plan.model import Plan

_ALL: Final[tuple[Dialect, ...]] = (
    NFTABLES,
    IPTABLES,
    UFW,
    FIREWALLD,
    WIREGUARD,
    WINDOWS,
    AWS,
    GOOGLE_CLOUD,
    AZURE,
)
DIALECTS: Final[Mapping[str, Dialect]] = {dialect.name: dialect for dialect in _ALL}


def wanted(plan: Plan) -> Iterator[Dialect]:
    """The dialects that the environment lists, in its order."""
    for name in dict.fromkeys(plan.site.network.firewall):
        yield DIALECTS[name]


def lacking(plan: Plan) -> Iterator[tuple[str, Unexpressed]]:
    """What the environment's firewalls cannot say of its policy, each with the name of the firewall."""
    whole = policy(plan)
    for dialect in wanted(plan):
        for one in dialect.unexpressed(plan, whole):
            yield dialect.name, one


def require_expressed(plan: Plan) -> None:
    """Nothing of the policy is lost in any dialect that the environment lists.

    Raises:
        RenderError: names everything that a dialect cannot say, with the way out.
    """
    missing = [f"{DIALECTS[name].title}: {one.what}: {one.why}; {one.hint}" for name, one in lacking(plan)]
    if missing:
        raise RenderError(
            "\n  ".join(["a firewall of network.firewall cannot express everything that the site needs:", *missing]),
            hint="nothing was written; leave that firewall out of network.firewall, or change what it cannot say",
        )
