"""The rule files that we render ourselves, read as anybody's: exactly the policy is found in them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import Policy
from orthancgen.foreign.firewalls import parse_firewall
from orthancgen.foreign.model import FirewallFile
from orthancgen.plan.model import Plan
from tests.support.policies import some

Said = tuple[str, int, str]
"""Source, port, hook."""
GOLDEN: Final = Path(__file__).parents[2] / "golden"
WHOLE: Final = {4: "0.0.0.0/0", 6: "::/0"}
CLOUDS: Final = ("aws", "google_cloud", "azure")
LINUX: Final = ("nftables", "iptables", "ufw", "firewalld")
SCRIPTS: Final = ("firewall.sh", "after.init", "undo.ps1", "undo.cmd")
"""Files of ours that load and unload rules, and have none of their own."""


def files(name: str, plan: Plan, policy: Policy) -> dict[str, str]:
    return {file.path: file.build(plan, policy) for file in DIALECTS[name].files if file.wanted(plan)}


def lets_in(file: FirewallFile) -> set[Said]:
    return {
        (network, port, one.hook)
        for one in file.filters
        for source in one.sources
        for network in ([WHOLE[family] for family in sorted(file.families)] if source == "any" else [source])
        for low, high in one.ports
        for port in range(low, high + 1)
    }


def wanted(policy: Policy, *, cloud: bool = False) -> set[Said]:
    return {(one.source, one.port, "any" if cloud else one.hook) for one in policy.filters if one.protocol == "tcp"}


def read(name: str, plan: Plan, policy: Policy) -> dict[str, FirewallFile]:
    found: dict[str, FirewallFile] = {}
    for path, text in files(name, plan, policy).items():
        results = parse_firewall(text, f"firewall/{name}/{path}")
        assert (results == ()) == (path in SCRIPTS), path
        for result in results:
            assert result.problems == ()
            found[path] = result
    return found


@pytest.mark.parametrize("name", LINUX)
def test_rules_of_linux_say_the_policy(name: str, tmp_path: Path) -> None:
    for one in some(60, tmp_path):
        found = read(name, one.plan, one.policy)
        assert set().union(*(lets_in(file) for file in found.values())) == wanted(one.policy), one.text
        assert any(file.guards_forwarded for file in found.values()) == bool(one.policy.published)
        assert all(file.drops_by_default and file.lets_answers_in for file in found.values())
        assert set().union(*(file.families for file in found.values())) == {4, 6}
        labels = {filter_.description for file in found.values() for filter_ in file.filters} - {""}
        hooks = {"forward"} if name == "firewalld" else {"input", "forward"}
        assert labels == {it.label for it in one.policy.filters if it.protocol == "tcp" and it.hook in hooks}


@pytest.mark.parametrize("name", CLOUDS)
def test_rules_of_clouds_say_the_policy(name: str, tmp_path: Path) -> None:
    for one in some(60, tmp_path):
        for path, file in read(name, one.plan, one.policy).items():
            assert lets_in(file) == wanted(one.policy, cloud=True), path
            assert (file.kind, file.drops_by_default, file.guards_forwarded) == (name, True, True)
            assert all(filter_.description for filter_ in file.filters)


def test_scripts_of_windows_say_the_policy(tmp_path: Path) -> None:
    for one in some(60, tmp_path):
        here = {said for said in wanted(one.policy) if said[2] == "input"}
        found = read("windows", one.plan, one.policy)
        assert set(found) == {"apply.ps1", "apply.cmd"}
        for path, file in found.items():
            assert lets_in(file) == here, path
            assert (file.kind, file.drops_by_default) == ("windows", True)
            assert {(filter_.profiles, filter_.edge) for filter_ in file.filters} <= {(("any",), False)}


def test_kinds_and_places_of_the_golden_files() -> None:
    kinds = {
        "nftables/rules.nft": "nftables", "iptables/rules.v4": "iptables", "iptables/rules.v6": "ip6tables",
        "ufw/user.rules": "ufw", "ufw/user6.rules": "ufw", "ufw/after.rules": "ufw", "ufw/after6.rules": "ufw",
        "firewalld/policy.xml": "firewalld", "firewalld/direct.xml": "firewalld", "windows/apply.cmd": "windows",
        "windows/apply.ps1": "windows", "aws/main.tf.json": "aws", "aws/security-group.template.json": "aws",
        "google_cloud/main.tf.json": "google_cloud", "azure/main.tf.json": "azure",
    }  # fmt: skip
    folder = GOLDEN / "firewalls-1.13.0" / "firewall"
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = path.relative_to(folder).as_posix()
        text = path.read_bytes().decode("utf-8")
        results = parse_firewall(text, name)
        assert [one.kind for one in results] == ([kinds[name]] if name in kinds else []), name
        for one in results:
            assert one.text == text
            for filter_ in one.filters:
                # Where the rule is, there is its port, or the head of the resource that names it.
                lines = text.split("\n")[filter_.mark.line - 1 : filter_.mark.line + 20]
                assert any(str(filter_.ports[0][0]) in line for line in lines), (name, filter_)
