"""ufw's files: each rule as ufw writes it, published ports in a block of their own, and a script without faults."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from orthancgen.errors import RenderError
from orthancgen.firewall.policy import Filter, Policy, Published
from orthancgen.firewall.ufw import UFW, rows
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.plan.sources import Hook
from tests.support.environments import MINIMAL, NEWEST, site_of
from tests.support.servers import require_program

SITE: Plan = plan(site_of(MINIMAL), NEWEST)
FILTERS = (
    Filter("192.0.2.0/24", 22, "tcp", "input", "management 22", ("management of this host",), "management"),
    Filter("2001:db8::7/128", 22, "tcp", "input", "management 22 2", ("management of this host",), "management"),
    Filter("0.0.0.0/0", 51820, "udp", "input", "vpn", ("the VPN answers nobody without a key",), "vpn"),
    Filter("198.51.100.9/32", 4242, "tcp", "forward", "DICOM modality ct1", ("modality ct1",), "dicom"),
    Filter("2001:db8:9::/48", 8042, "tcp", "forward", "HTTP network of the users", ("network of the users",), "web"),
)
WHOLE = Policy("prod", "lan", FILTERS, (Published(8042, "0.0.0.0"), Published(4242, "0.0.0.0")))


def built(path: str, policy: Policy = WHOLE) -> str:
    return next(file.build(SITE, policy) for file in UFW.files if file.path == path)


def rules(path: str, policy: Policy = WHOLE) -> list[str]:
    """The lines that are no comments."""
    return [line for line in built(path, policy).splitlines() if line and not line.startswith("# ")]


def test_each_rule_is_as_ufw_writes_it() -> None:
    assert rules("user.rules") == [
        "### tuple ### allow tcp 22 0.0.0.0/0 any 192.0.2.0/24 in comment=" + b"management 22".hex(),
        "-A ufw-user-input -p tcp --dport 22 -s 192.0.2.0/24 -j ACCEPT",
        "### tuple ### allow udp 51820 0.0.0.0/0 any 0.0.0.0/0 in comment=" + b"vpn".hex(),
        "-A ufw-user-input -p udp --dport 51820 -j ACCEPT",
    ]
    assert rules("user6.rules") == [
        "### tuple ### allow tcp 22 ::/0 any 2001:db8::7 in comment=" + b"management 22 2".hex(),
        "-A ufw6-user-input -p tcp --dport 22 -s 2001:db8::7 -j ACCEPT",
    ]


def test_published_ports_are_guarded_in_both_families() -> None:
    containers = SITE.site.containers.subnet
    match = "-A ORTHANCGEN-FWD -p tcp -m conntrack --ctstate DNAT --ctdir ORIGINAL --ctorigdstport"
    let_in = "-A ORTHANCGEN-PUB -s 198.51.100.9/32 -p tcp -m conntrack --ctorigdstport 4242"
    assert rules("after.rules") == [
        "*mangle",
        ":ORTHANCGEN-FWD - [0:0]",
        ":ORTHANCGEN-PUB - [0:0]",
        '-A ORTHANCGEN-FWD -m comment --comment "environment prod"',
        "-A ORTHANCGEN-FWD -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
        *(
            line
            for port in (4242, 8042)
            for line in (
                f"{match} {port} -j ORTHANCGEN-PUB",
                f"-A ORTHANCGEN-FWD ! -s {containers} -d {containers} -p tcp --dport {port} -j ORTHANCGEN-PUB",
            )
        ),
        f'{let_in} -m comment --comment "DICOM modality ct1" -j RETURN',
        "-A ORTHANCGEN-PUB -j DROP",
        "COMMIT",
    ]
    six = rules("after6.rules")
    assert "-s 2001:db8:9::/48 -p tcp" in six[-3]
    assert six[-2:] == ["-A ORTHANCGEN-PUB -j DROP", "COMMIT"]
    assert containers not in built("after6.rules")


def test_without_published_ports_nothing_forwarded_is_dropped() -> None:
    for path in ("after.rules", "after6.rules"):
        text = built(path, Policy("prod", "lan", FILTERS[:3]))
        assert "DROP" not in text
        assert "ORTHANCGEN-PUB -s" not in text


def test_blocks_have_their_marks() -> None:
    for path in ("after.rules", "after6.rules", "after.init"):
        lines = built(path).splitlines()
        assert (lines[0], lines[-1]) == ("# BEGIN orthancgen", "# END orthancgen")


def test_rows_keep_the_order() -> None:
    assert [one.label for one in rows(FILTERS, 4)] == ["management 22", "vpn", "DICOM modality ct1"]


def refused(hook: Hook, label: str, reason: str) -> None:
    hostile = Filter("192.0.2.0/24", 22, "tcp", hook, label, (reason,), "dicom")
    policy = Policy("prod", "lan", (hostile,), (Published(22, "0.0.0.0"),))
    with pytest.raises((RenderError, UnicodeEncodeError)):
        built("user.rules" if hook == "input" else "after.rules", policy)


@pytest.mark.parametrize("text", ["a\nb", "a\r-A X", "a\\", "\x1b[2J", "\N{SNOWMAN}"])
def test_what_a_line_cannot_carry_is_refused(text: str) -> None:
    refused("input", text, "reason")
    refused("input", "label", text)
    refused("forward", text, "reason")
    refused("forward", "label", text)


@pytest.mark.parametrize("label", ['a"b', "$(id)", "a;b", "'", ""])
def test_what_a_comment_of_a_rule_cannot_carry_is_refused(label: str) -> None:
    refused("forward", label, "reason")


def test_scripts_have_no_faults(tmp_path: Path) -> None:
    shellcheck = require_program("shellcheck", "apt-get install shellcheck")
    script, init = tmp_path / "firewall.sh", tmp_path / "after.init"
    script.write_text(built("firewall.sh"))
    init.write_text("#!/bin/sh\nset -e\n" + built("after.init"))
    # The frame has names for the unit of systemd, which ufw does not need.
    done = subprocess.run([shellcheck, "-e", "SC2034", script, init], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.search(
        r"^DATA='user\.rules user6\.rules after\.rules after6\.rules after\.init'$", script.read_text(), re.M
    )
