"""iptables and ip6tables: the text of the rules, whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orthancgen.firewall.iptables import IPTABLES
from orthancgen.firewall.policy import Policy
from orthancgen.plan.model import Plan
from tests.support.policies import generated
from tests.unit.firewall.test_nftables import CT, POLICY, SSH, VPN


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return generated(1, tmp_path).plan


def rules(plan: Plan, policy: Policy, version: int) -> list[str]:
    """The lines of the rules that say something."""
    (text,) = (file.build(plan, policy) for file in IPTABLES.files if file.path == f"rules.v{version}")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_rules_of_version_4(plan: Plan) -> None:
    subnet, match = plan.site.containers.subnet, "-m conntrack --ctorigdstport"
    assert rules(plan, POLICY, 4) == [
        "*mangle",
        ":ORTHANCGEN-FWD - [0:0]",
        ":ORTHANCGEN-PUB - [0:0]",
        "-A ORTHANCGEN-FWD -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        "-A ORTHANCGEN-FWD -p tcp -m conntrack --ctstate DNAT --ctorigdstport 4242 --ctdir ORIGINAL -g ORTHANCGEN-PUB",
        "-A ORTHANCGEN-FWD -p tcp -m conntrack --ctstate DNAT --ctorigdstport 8042 --ctdir ORIGINAL -g ORTHANCGEN-PUB",
        f"-A ORTHANCGEN-FWD ! -s {subnet} -d {subnet} -p tcp --dport 4242 -g ORTHANCGEN-PUB",
        f"-A ORTHANCGEN-FWD ! -s {subnet} -d {subnet} -p tcp --dport 8042 -g ORTHANCGEN-PUB",
        f'-A ORTHANCGEN-PUB -s {CT.source} -p tcp {match} 4242 -m comment --comment "{CT.label}" -j RETURN',
        "-A ORTHANCGEN-PUB -j DROP",
        "COMMIT",
        "*filter",
        ":ORTHANCGEN-IN - [0:0]",
        '-A ORTHANCGEN-IN -i lo -m comment --comment "environment prod" -j ACCEPT',
        "-A ORTHANCGEN-IN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        *(f"-A ORTHANCGEN-IN -p icmp -m icmp --icmp-type {number} -j ACCEPT" for number in (3, 8, 11, 12)),
        '-A ORTHANCGEN-IN -s 10.0.0.0/8 -p tcp --dport 22 -m comment --comment "management 22" -j ACCEPT',
        "-A ORTHANCGEN-IN -j DROP",
        "COMMIT",
    ]


def test_rules_of_version_6(plan: Plan) -> None:
    written = rules(plan, POLICY, 6)
    assert '-A ORTHANCGEN-IN -s 2001:db8::/32 -p udp --dport 51820 -m comment --comment "vpn" -j ACCEPT' in written
    # Nobody of IPv6 is let in to the published ports, and they are guarded all the same.
    assert [line for line in written if "ORTHANCGEN-PUB" in line and "DNAT" not in line] == [
        ":ORTHANCGEN-PUB - [0:0]",
        "-A ORTHANCGEN-PUB -j DROP",
    ]
    assert len([line for line in written if "DNAT" in line]) == 2
    assert written[-2:] == ["-A ORTHANCGEN-IN -j DROP", "COMMIT"]


def test_without_published_ports_the_chains_are_empty(plan: Plan) -> None:
    policy = replace(POLICY, filters=(SSH, VPN), published=())
    for version in (4, 6):
        assert not [line for line in rules(plan, policy, version) if "-FWD " in line[1:] and line.startswith("-A")]
        assert not [line for line in rules(plan, policy, version) if CT.label in line]


def test_every_policy_can_be_expressed(plan: Plan) -> None:
    assert list(IPTABLES.unexpressed(plan, POLICY)) == []
