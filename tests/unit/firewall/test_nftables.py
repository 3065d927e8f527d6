"""nftables: the text of the rules, whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orthancgen.firewall.nftables import NFTABLES
from orthancgen.firewall.policy import Filter, Policy, Published
from orthancgen.plan.model import Plan
from tests.support.policies import generated


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return generated(1, tmp_path).plan


ERRORS = "echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem"
SSH = Filter("10.0.0.0/8", 22, "tcp", "input", "management 22", ("management of this host",), "management")
VPN = Filter("2001:db8::/32", 51820, "udp", "input", "vpn", ("the VPN answers nobody without a key",), "vpn")
CT = Filter("192.0.2.10/32", 4242, "tcp", "forward", "DICOM modality ct1", ("modality ct1",), "dicom")
POLICY = Policy("prod", "lan", (SSH, VPN, CT), (Published(8042, "0.0.0.0"), Published(4242, "0.0.0.0")))


def rules(plan: Plan, policy: Policy) -> list[str]:
    """The lines of the rules that say something."""
    (text,) = (file.build(plan, policy) for file in NFTABLES.files if file.path == "rules.nft")
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_rules_of_a_host_with_containers(plan: Plan) -> None:
    subnet = plan.site.containers.subnet
    assert rules(plan, POLICY) == [
        "add table inet orthancgen",
        "delete table inet orthancgen",
        "table inet orthancgen {",
        "chain input {",
        "type filter hook input priority filter; policy drop;",
        'iifname "lo" accept comment "environment prod"',
        "ct state established,related accept",
        "icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept",
        f"icmpv6 type {{ {ERRORS} }} accept",
        "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept",
        "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept",
        'ip6 saddr fe80::/10 udp dport 546 accept comment "DHCPv6"',
        'ip saddr 10.0.0.0/8 tcp dport 22 accept comment "management 22"',
        'ip6 saddr 2001:db8::/32 udp dport 51820 accept comment "vpn"',
        "}",
        "set published_ports {",
        "type inet_service",
        "elements = { 4242, 8042 }",
        "}",
        "chain published {",
        'ip saddr 192.0.2.10/32 meta l4proto tcp ct original proto-dst 4242 accept comment "DICOM modality ct1"',
        "drop",
        "}",
        "chain forward {",
        "type filter hook forward priority filter - 10; policy accept;",
        "ct state established,related accept",
        "ct direction original ct status dnat meta l4proto tcp ct original proto-dst @published_ports jump published",
        f"ip saddr != {subnet} ip daddr {subnet} tcp dport @published_ports jump published",
        "}",
        "}",
    ]


def test_without_published_ports_nothing_is_said_of_forwarding(plan: Plan) -> None:
    written = rules(plan, replace(POLICY, filters=(SSH,), published=()))
    assert not [line for line in written if "forward" in line or "published" in line]
    assert written[-3:] == ['ip saddr 10.0.0.0/8 tcp dport 22 accept comment "management 22"', "}", "}"]


def test_every_policy_can_be_expressed(plan: Plan) -> None:
    assert list(NFTABLES.unexpressed(plan, POLICY)) == []
