"""firewalld's files: one policy before every zone, direct rules in order, and a script without faults."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from orthancgen.errors import RenderError
from orthancgen.firewall.firewalld import FIREWALLD
from orthancgen.firewall.policy import Filter, Policy, Published
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from tests.support.environments import MINIMAL, NEWEST, site_of
from tests.support.servers import require_program

SITE: Plan = plan(site_of(MINIMAL), NEWEST)
FILTERS = (
    Filter("192.0.2.0/24", 22, "tcp", "input", "management 22", ("management & more <of> this host",), "management"),
    Filter("::/0", 51820, "udp", "input", "vpn", ("the VPN answers nobody without a key",), "vpn"),
    Filter("198.51.100.9/32", 4242, "tcp", "forward", "DICOM modality ct1", ("modality ct1",), "dicom"),
    Filter("2001:db8:9::/48", 8042, "tcp", "forward", "HTTP network of the users", ("network of the users",), "web"),
)
WHOLE = Policy("prod", "lan", FILTERS, (Published(8042, "0.0.0.0"), Published(4242, "0.0.0.0")))


def built(path: str, policy: Policy = WHOLE) -> str:
    return next(file.build(SITE, policy) for file in FIREWALLD.files if file.path == path)


def parsed(path: str, policy: Policy = WHOLE) -> Element:
    return fromstring(built(path, policy))


def accepted(policy: Policy = WHOLE) -> list[tuple[str | None, str | None, str]]:
    """Family, source, and what is accepted, of each rule of the policy."""
    found = []
    for rule in parsed("policy.xml", policy).iter("rule"):
        source = rule.find("source")
        what = next(child for child in rule if child.tag not in {"source", "accept"})
        assert rule[-1].tag == "accept"
        said = " ".join(what.attrib.values())
        found.append((rule.get("family"), None if source is None else source.get("address"), said))
    return found


def test_the_policy_comes_first_and_denies() -> None:
    root = parsed("policy.xml")
    assert root.get("target") == "DROP"
    assert -32768 <= int(root.get("priority") or 0) < -15000  # firewalld's own allow-host-ipv6
    assert [one.get("name") for tag in ("ingress-zone", "egress-zone") for one in root.iter(tag)] == ["ANY", "HOST"]


def test_the_policy_lets_in_what_the_filters_do() -> None:
    assert accepted()[-2:] == [("ipv4", "192.0.2.0/24", "22 tcp"), ("ipv6", None, "51820 udp")]
    always = accepted()[:-2]
    assert ("ipv6", "fe80::/10", "546 udp") in always
    assert {said for family, _, said in always if family == "ipv4"} == {
        "echo-request", "destination-unreachable", "time-exceeded", "parameter-problem"
    }  # fmt: skip
    assert not any(said.endswith("tcp") for _, _, said in always)
    assert "management & more <of> this host" in (parsed("policy.xml").findtext("description") or "")


def test_direct_rules_have_an_order() -> None:
    rules = list(parsed("direct.xml").iter("rule"))
    for family in ("ipv4", "ipv6"):
        of_family = [one for one in rules if one.get("ipv") == family]
        priorities = [int(one.get("priority") or 0) for one in of_family if one.get("chain") != "FORWARD"]
        assert priorities == sorted(set(priorities))
        assert [one.text for one in of_family if one.get("chain") == "ORTHANCGEN-PUB"][-1] == "-j DROP"
        assert [one.text for one in of_family if one.get("chain") == "FORWARD"] == ["-j ORTHANCGEN-FWD"]
    texts = [one.text or "" for one in rules]
    assert any("-s 198.51.100.9/32 -p tcp" in text and "--ctorigdstport 4242" in text for text in texts)
    assert any("-s 2001:db8:9::/48 -p tcp" in text and "--ctorigdstport 8042" in text for text in texts)


def test_each_direct_element_has_a_line() -> None:
    """The script takes lines, and knows its own by the name of the chain."""
    lines = built("direct.xml").splitlines()
    assert lines[1] == "<direct>"
    assert lines[-1] == "</direct>"
    assert all("ORTHANCGEN-" in line and line.count("<") <= 2 for line in lines[2:-1])


def test_without_published_ports_nothing_is_dropped() -> None:
    text = built("direct.xml", Policy("prod", "lan", FILTERS[:2]))
    assert "DROP" not in text
    assert 'chain="FORWARD"' not in text


@pytest.mark.parametrize(("label", "reason"), [('a"b', "r"), ("a\nb", "r"), ("<a>", "r"), ("a", "r\x01"), ("a", "r\\")])
def test_what_the_syntax_cannot_carry_is_refused(label: str, reason: str) -> None:
    hook = "forward" if reason == "r" else "input"
    hostile = Filter("192.0.2.0/24", 22, "tcp", hook, label, (reason,), "dicom")  # type: ignore[arg-type]
    policy = Policy("prod", "lan", (hostile,), (Published(22, "0.0.0.0"),))
    with pytest.raises(RenderError):
        built("direct.xml" if hook == "forward" else "policy.xml", policy)


def test_the_tool_accepts_both_files(tmp_path: Path) -> None:
    offline = require_program("firewall-offline-cmd", "apt-get install firewalld")
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "orthancgen.xml").write_text(built("policy.xml"))
    (tmp_path / "direct.xml").write_text(built("direct.xml"))
    command = [offline, "--system-config", str(tmp_path), "--check-config"]
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0
    (tmp_path / "policies" / "orthancgen.xml").write_text(built("policy.xml").replace("echo-request", "echo-nothing"))
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode != 0


def test_the_script_has_no_faults(tmp_path: Path) -> None:
    shellcheck = require_program("shellcheck", "apt-get install shellcheck")
    script = tmp_path / "firewall.sh"
    script.write_text(built("firewall.sh"))
    # The frame has names for the unit of systemd, which firewalld does not need.
    done = subprocess.run([shellcheck, "-e", "SC2034", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
