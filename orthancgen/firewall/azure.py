"""A network security group of Azure, as a Terraform module.

https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview: rules are stateful. They know
no ICMPv6: echo of IPv6 is denied, and what a host needs of it in its own subnet is Azure's own to answer.
https://learn.microsoft.com/azure/virtual-network/ip-services/ipv6-overview#limitations
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from orthancgen.errors import RenderError
from orthancgen.firewall.dialect import Dialect, RuleFile, Unexpressed
from orthancgen.firewall.policy import Policy
from orthancgen.firewall.terraform import Expression, Variable, module, name_of, seen_by_cloud
from orthancgen.plan.model import Plan
from orthancgen.site.problems import printable

FIRST_PRIORITY: Final = 100
LAST_PRIORITY: Final = 4096
RULES: Final = 1000
"""Most rules of one group.
https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits"""
_DESCRIPTION_LENGTH: Final = 140
_OWN_RULES: Final = 2
"""Echo, and the denial of the rest."""
_PROVIDER: Final = ("azurerm", "hashicorp/azurerm", ">= 3.50, < 5.0")
_VARIABLES: Final = (
    Variable("resource_group_name", "Name of the resource group."),
    Variable("location", "Region, such as westeurope."),
)
_LEFT_OUT: Final = (
    "source_port_ranges",
    "destination_port_ranges",
    "source_address_prefixes",
    "source_application_security_group_ids",
    "destination_address_prefixes",
    "destination_application_security_group_ids",
)
"""In JSON, a block that is an attribute as well must name all of its arguments.
https://developer.hashicorp.com/terraform/language/attr-as-blocks"""


def _build(plan: Plan, policy: Policy) -> str:
    del plan
    about = (
        f"Written by orthancgen for the environment {policy.environment}. A module: configure the provider where it is "
        "used, and associate the group with the network interface or subnet of the machine. Azure's groups know no "
        "ICMPv6: echo of IPv6 is denied."
    )
    group = {
        "name": name_of(policy),
        "resource_group_name": Expression("var.resource_group_name"),
        "location": Expression("var.location"),
        "security_rule": list(_rules(policy)),
        "tags": {"orthancgen": policy.environment},
    }
    outputs = {
        "network_security_group_id": ("ID of the group.", Expression("azurerm_network_security_group.site.id")),
    }
    return module(about, _PROVIDER, _VARIABLES, {"azurerm_network_security_group": {"site": group}}, outputs)


def _rules(policy: Policy) -> Iterator[dict[str, Any]]:
    priority = FIRST_PRIORITY
    for one in seen_by_cloud(policy):
        if len(one.label) > _DESCRIPTION_LENGTH:
            raise RenderError(f"Azure takes no description {printable(one.label)!r}")
        name = f"{priority}-{one.protocol}-{one.port}"
        yield _rule(name, one.label, priority, one.protocol.capitalize(), str(one.port), one.source)
        priority += 1
    yield _rule(f"{priority}-echo", "ICMP of IPv4, for echo and errors", priority, "Icmp", "*", "0.0.0.0/0")
    yield _rule("DenyAllInbound", "what nothing lets in", LAST_PRIORITY, "*", "*", "*", "Deny")


def _rule(
    name: str, description: str, priority: int, protocol: str, port: str, source: str, access: str = "Allow"
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "priority": priority,
        "direction": "Inbound",
        "access": access,
        "protocol": protocol,
        "source_port_range": "*",
        "destination_port_range": port,
        "source_address_prefix": source,
        "destination_address_prefix": "*",
        **dict.fromkeys(_LEFT_OUT),
    }


def _unexpressed(plan: Plan, policy: Policy) -> Iterator[Unexpressed]:
    del plan
    count = len(seen_by_cloud(policy))
    if count > RULES - _OWN_RULES:
        yield Unexpressed(
            f"{count} filters",
            f"a network security group has at most {RULES} rules, {_OWN_RULES} of them its own",
            "name fewer and wider networks in allowed_sources and managed_from, or let modalities come by VPN",
        )


AZURE: Final = Dialect(
    "azure", "Azure network security group", "cloud", (RuleFile("main.tf.json", _build),), _unexpressed
)
