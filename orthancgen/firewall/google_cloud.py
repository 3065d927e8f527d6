"""Firewall rules of a network of Google Cloud, as a Terraform module.

https://cloud.google.com/firewall/docs/firewalls: rules are stateful, so answers, and ICMP errors about what was let in,
pass without a rule. Outgoing connections are left to the rules of the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orthancgen.firewall.dialect import Dialect, RuleFile, everything
from orthancgen.firewall.policy import Filter, Policy
from orthancgen.firewall.terraform import (
    EVERYBODY,
    FAMILIES,
    Expression,
    Family,
    Variable,
    by_port,
    module,
    name_of,
    seen_by_cloud,
)
from orthancgen.plan.model import Plan

PRIORITY_ALLOW: Final = 900
PRIORITY_DENY: Final = 1000
"""Of the rule that denies the rest: the priority of rules for which nobody chose one, over which a denial wins."""

SOURCES_A_RULE: Final = 256
"""Source ranges that one rule is given; what is more stands in a further rule. https://cloud.google.com/firewall/quotas
has the most that Google takes, which has grown with the years."""
_ICMP: Final[Mapping[Family, str]] = {4: "icmp", 6: "58"}
"""Google Cloud knows no types of ICMP, and ICMPv6 by its number only."""
_PROVIDER: Final = ("google", "hashicorp/google", ">= 5.0, < 8.0")
_VARIABLES: Final = (
    Variable("project", "ID of the project."),
    Variable("network", "Name or self link of the VPC network in which the instance is."),
)


def _build(plan: Plan, policy: Policy) -> str:
    del plan
    tag = name_of(policy)
    about = (
        f"Written by orthancgen for the environment {policy.environment}. A module: configure the provider where it is "
        f"used, and give the instance the network tag {tag}. All of ICMP is let in, for Google Cloud knows no types of "
        "it. Rules of a priority below 900 that others make come before these."
    )
    rules = {rule["name"]: rule for rule in _rules(policy)}
    outputs = {"target_tag": ("The network tag that the instance must have.", Expression(f'"{tag}"'))}
    return module(about, _PROVIDER, _VARIABLES, {"google_compute_firewall": rules}, outputs)


def _rules(policy: Policy) -> Iterator[dict[str, Any]]:
    prefix = name_of(policy)
    for protocol, port, family, filters in by_port(seen_by_cloud(policy)):
        for number, chunk in enumerate(_chunks(filters), 1):
            name = f"{prefix}-{protocol}-{port}-v{family}" + (f"-{number}" if number > 1 else "")
            allow = [{"protocol": protocol, "ports": [str(port)]}]
            labels = ", ".join(dict.fromkeys(one.label for one in chunk))
            yield _rule(policy, name, _shortened(labels), PRIORITY_ALLOW, chunk) | {"allow": allow}
    for family in FAMILIES:
        everybody = EVERYBODY[family]
        yield _rule(policy, f"{prefix}-icmp-v{family}", "ICMP, for echo and errors", PRIORITY_ALLOW, everybody) | {
            "allow": [{"protocol": _ICMP[family]}]
        }
        yield _rule(policy, f"{prefix}-deny-v{family}", "what nothing lets in", PRIORITY_DENY, everybody) | {
            "deny": [{"protocol": "all"}],
            "log_config": [{"metadata": "INCLUDE_ALL_METADATA"}],
        }


def _rule(
    policy: Policy, name: str, description: str, priority: int, sources: tuple[Filter, ...] | str
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "project": Expression("var.project"),
        "network": Expression("var.network"),
        "direction": "INGRESS",
        "priority": priority,
        "source_ranges": [sources] if isinstance(sources, str) else [one.source for one in sources],
        "target_tags": [name_of(policy)],
    }


def _chunks(filters: tuple[Filter, ...]) -> Iterator[tuple[Filter, ...]]:
    for start in range(0, len(filters), SOURCES_A_RULE):
        yield filters[start : start + SOURCES_A_RULE]


def _shortened(text: str, limit: int = 2000) -> str:
    """Google Cloud takes 2048 characters of description."""
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


GOOGLE_CLOUD: Final = Dialect(
    "google_cloud", "Google Cloud VPC firewall", "cloud", (RuleFile("main.tf.json", _build),), everything
)
