"""firewalld: a policy object for the host, and direct rules for the published ports of containers.

Sources: firewalld.policies(5), firewalld.policy(5), firewalld.richlanguage(5), firewalld.direct(5).

A policy from ANY to HOST comes before every zone, so that no zone lets in what the site does not. Forwarded packets
whose destination was translated, as an engine does for published ports, are accepted by firewalld before any policy is
asked (`ct status dnat accept` of its chain filter_FORWARD, 1.3): only direct rules see them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from orthancgen.firewall.dialect import Dialect, RuleFile, everything, script
from orthancgen.firewall.policy import Filter, Policy
from orthancgen.plan.model import Plan
from orthancgen.render.quoting import line_comment, network, rule_text

_PRIORITY: Final = "-32000"
"""Before the policies of firewalld itself and of others: the lowest is -32768."""
_ICMP: Final[tuple[tuple[str, str], ...]] = (
    *(("ipv4", name) for name in ("echo-request", "destination-unreachable", "time-exceeded", "parameter-problem")),
    *(("ipv6", name) for name in ("echo-request", "destination-unreachable", "packet-too-big", "time-exceeded")),
    *(("ipv6", name) for name in ("parameter-problem", "neighbour-solicitation", "neighbour-advertisement")),
    ("ipv6", "router-advertisement"),
)
_LINK_LOCAL: Final = "fe80::/10"
_TABLE: Final = "mangle"
_FORWARD: Final = "ORTHANCGEN-FWD"
_PUBLISHED: Final = "ORTHANCGEN-PUB"


def _policy_xml(plan: Plan, policy: Policy) -> str:
    del plan
    root = Element("policy", target="DROP", priority=_PRIORITY)
    SubElement(root, "short").text = f"orthancgen {policy.environment}"
    served = [f"{one.port}/{one.protocol} from {one.source}: {line_comment(one.reason)}" for one in _input(policy)]
    SubElement(root, "description").text = "\n".join(
        [f"Who may open connections to the host of environment {policy.environment}. Written by orthancgen.", *served]
    )
    SubElement(root, "ingress-zone", name="ANY")
    SubElement(root, "egress-zone", name="HOST")
    for family, name in _ICMP:
        SubElement(_accepted(root, family), "icmp-type", name=name)
    # firewalld has no names for the messages of multicast listeners (RFC 2710, 3810); they come from link-local ones.
    SubElement(_accepted(root, "ipv6", _LINK_LOCAL), "protocol", value="ipv6-icmp")
    SubElement(_accepted(root, "ipv6", _LINK_LOCAL), "port", port="546", protocol="udp")
    for one in _input(policy):
        rule = _accepted(root, f"ipv{one.family}", one.source)
        SubElement(rule, "port", port=str(one.port), protocol=one.protocol)
    for rule in root.iter("rule"):
        SubElement(rule, "accept")
    return _document(root)


def _input(policy: Policy) -> tuple[Filter, ...]:
    return policy.of_hook("input")


def _accepted(root: Element, family: str, source: str = "") -> Element:
    rule = SubElement(root, "rule", family=family)
    if source and ipaddress.ip_network(source).prefixlen > 0:
        SubElement(rule, "source", address=str(network(source)))
    return rule


def _direct_xml(plan: Plan, policy: Policy) -> str:
    root = Element("direct")
    for family in (4, 6):
        for chain in (_FORWARD, _PUBLISHED):
            SubElement(root, "chain", ipv=f"ipv{family}", table=_TABLE, chain=chain)
    for family in (4, 6):
        for chain, arguments in (
            *_forward(plan, policy, family),
            *_published(policy, family),
            *((("FORWARD", f"-j {_FORWARD}"),) if policy.published else ()),
        ):
            # Rules of one priority have no order.
            priority = "-32768" if chain == "FORWARD" else str(len(root))
            rule = SubElement(root, "rule", ipv=f"ipv{family}", table=_TABLE, chain=chain, priority=priority)
            rule.text = arguments
    return _document(root)


def _forward(plan: Plan, policy: Policy, family: int) -> Iterator[tuple[str, str]]:
    yield _FORWARD, f"-m comment --comment {rule_text(f'environment {policy.environment}')}"
    yield _FORWARD, "-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"
    for port in sorted({one.port for one in policy.published}):
        yield _FORWARD, f"-p tcp -m conntrack --ctstate DNAT --ctdir ORIGINAL --ctorigdstport {port} -g {_PUBLISHED}"
        if family == 4:
            # Who sends to the address of a container itself, as a route of a neighbour can, comes no further.
            containers = network(plan.site.containers.subnet)
            yield _FORWARD, f"! -s {containers} -d {containers} -p tcp --dport {port} -g {_PUBLISHED}"


def _published(policy: Policy, family: int) -> Iterator[tuple[str, str]]:
    for one in policy.of_hook("forward"):
        if one.family == family:
            matched = f"-s {network(one.source)} -p tcp -m conntrack --ctorigdstport {one.port}"
            yield _PUBLISHED, f"{matched} -m comment --comment {rule_text(one.label)} -j RETURN"
    if policy.published:
        yield _PUBLISHED, "-j DROP"


def _document(root: Element) -> str:
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


FIREWALLD: Final = Dialect(
    name="firewalld",
    title="firewalld",
    where="host",
    files=(
        RuleFile("policy.xml", _policy_xml),
        RuleFile("direct.xml", _direct_xml),
        script("firewalld"),
    ),
    unexpressed=everything,
)
