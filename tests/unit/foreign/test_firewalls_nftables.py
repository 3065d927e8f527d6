from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from orthancgen.foreign.firewalls import parse_firewall
from tests.support.filters import facts, only, told

RULES = dedent(
    """\
    #!/usr/sbin/nft -f
    flush ruleset
    define ADMIN = { 10.0.0.0/8, 192.168.1.5 }
    table inet filter {
      set trusted { type ipv4_addr; flags interval; elements = { 192.168.10.0/24, 192.168.20.1-192.168.20.9 }; }
      set open_ports {
        type inet_service
        elements = { 104,
                     2762 }
      }
      map by_port { type inet_service : verdict; elements = { 5000 : accept, 5001 : jump web }; }
      chain web {
        ip saddr $ADMIN accept
        ip6 saddr 2001:db8::/32 accept
        drop
      }
      chain input {
        type filter hook input priority 0; policy drop;
        iif lo accept
        ct state vmap { established : accept, related : accept, invalid : drop }
        tcp dport 22 ip saddr $ADMIN accept comment "ssh; in"
        ip saddr @trusted tcp dport @open_ports accept
        tcp dport { 8042, 9000-9010, http } jump web
        ip protocol vmap { tcp : continue, icmp : accept }
        ip saddr . tcp dport { 10.9.0.1 . 11112, 10.9.0.2 . 11112, 10.9.0.3 . 4242 } accept
        meta l4proto { tcp, udp } th dport 53 accept
        tcp dport vmap { 7001 : accept, 7002 : drop, 7003-7010 : accept }
        tcp dport vmap @by_port
        iifname "wg0" tcp dport 8080 accept
        iifname { "docker0", "br-abc" } accept
        ip saddr 203.0.113.0/24 drop
        ip saddr 203.0.113.7 tcp dport 8043 accept
        tcp dport 7002 accept
        tcp dport 3306 limit rate 5/minute accept
        ip6 nexthdr tcp tcp dport 6000 accept
        udp dport 5353 accept
        tcp dport != 1-9999 accept
        tcp flags & (fin | syn | rst | ack) != syn ct state new drop
        log prefix "drop " flags all counter drop
      }
      chain forward {
        type filter hook forward priority 0; policy drop
        ct state established,related accept
        ip saddr 10.0.0.0/8 tcp dport 8042 counter accept
        oifname "eth0" accept
      }
    }
    """
)
SAID = [
    "input 10.0.0.0/8,192.168.1.5/32 -> 80,8042,9000-9010",
    "input 10.0.0.0/8,192.168.1.5/32 -> 5001",
    "input 2001:db8::/32 -> 80,8042,9000-9010",
    "input 2001:db8::/32 -> 5001",
    'input 10.0.0.0/8,192.168.1.5/32 -> 22 "ssh; in"',
    "input 192.168.10.0/24,192.168.20.1/32,192.168.20.2/31,192.168.20.4/30,192.168.20.8/31 -> 104,2762",
    "input 10.9.0.1/32,10.9.0.2/32 -> 11112",
    "input 10.9.0.3/32 -> 4242",
    "input any -> 53",
    "input any -> 7001",
    "input any -> 7003-7010",
    "input any -> 5000",
    "input interface wg0 -> 8080",
    "input any -> 3306",
    "input ::/0 -> 6000",
    "input any -> 0,10000-65535",
    "forward 10.0.0.0/8 -> 8042",
]


def test_a_script_with_sets_maps_and_jumps() -> None:
    file = only(RULES, "rules.nft")
    assert facts(file) == "nftables 4,6 drops guards answers"
    assert told(file.filters) == SAID
    assert (file.filters[4].mark.line, file.filters[4].mark.column) == (21, 5)


def test_the_kernel_lists_the_same(tmp_path: Path) -> None:
    if shutil.which("nft") is None or shutil.which("unshare") is None:
        pytest.fail("nft and unshare are needed: apt-get install nftables util-linux")
    (tmp_path / "rules.nft").write_text(RULES)
    script = "nft -f rules.nft && nft list ruleset"
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], cwd=tmp_path, capture_output=True, check=False)
    if b"Operation not permitted" in done.stderr:
        pytest.skip("a network of its own needs root")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"\n") > 40
    file = only(done.stdout.decode(), "ruleset.txt")
    assert facts(file) == "nftables 4,6 drops guards answers"
    assert told(file.filters) == SAID


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("tcp dport 104 accept", ["any -> 104"]),
        ("ip saddr 0.0.0.0/0 tcp dport 104 accept", ["0.0.0.0/0 -> 104"]),
        ("meta nfproto ipv6 tcp dport 104 accept", ["::/0 -> 104"]),
        ("ip saddr 10.0.0.5/8 accept", ["10.0.0.0/8 -> all"]),
        ("ip saddr @nowhere accept", ["@nowhere -> all"]),
        ("ip saddr $UNSAID accept", ["$UNSAID -> all"]),
        ("ip saddr != 10.0.0.0/8 tcp dport 104 drop; tcp dport 104 accept", ["10.0.0.0/8,::/0 -> 104"]),
        ("ip saddr 10.0.0.0/8 drop; ip saddr 10.1.0.0/16 accept; ip saddr 11.0.0.1 accept", ["11.0.0.1/32 -> all"]),
        ("ip saddr 10.0.0.0/8 tcp dport 104 drop; ip saddr 10.1.0.0/16 accept", ["10.1.0.0/16 -> all"]),
        ("tcp dport 100-200 drop; tcp dport { 104, 300 } accept", ["any -> 300"]),
        ("iifname eth1 tcp dport 104 drop; tcp dport 104 accept", ["any -> 104"]),
        ("tcp dport 104 limit rate over 5/second drop; tcp dport 104 accept", ["any -> 104"]),
        ("drop; tcp dport 104 accept", []),
        ("udp dport 104 accept", []),
        ("ct state invalid tcp dport 104 accept", []),
        ("tcp dport 104 jump other", []),
        ("add @seen { ip saddr timeout 1h } tcp dport 104 accept", ["any -> 104"]),
        ("tcp dport 104 reject with tcp reset; tcp dport 104 accept", []),
        ("tcp dport 104 log prefix \"in: \" level warn drop; tcp dport 104 accept", []),
        ("iifname \"lo\" accept; iifname != \"lo\" tcp dport 104 accept", ["any -> 104"]),
    ],
)  # fmt: skip
def test_one_rule_after_the_other(rules: str, said: list[str]) -> None:
    lines = rules.replace("; ", "\n")
    text = f"table inet f {{ chain in {{ type filter hook input priority 0; policy drop;\n{lines}\n}} }}"
    (file,) = parse_firewall(text, "rules.nft")
    assert [one.removeprefix("input ") for one in told(file.filters)] == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("table ip f { chain i { type filter hook input priority 0; policy drop; }; }", "nftables 4 drops"),
        ("table ip6 f { chain i { type filter hook input priority 0; policy drop; }; }", "nftables 6 drops"),
        ("table inet f { chain i { type filter hook input priority 0; }; }", "nftables 4,6 answers"),
        ("table inet f { chain i { type filter hook input priority 0; drop; }; }", "nftables 4,6 drops"),
        ("table inet f { chain i { type filter hook input priority 0; tcp dport 1-65535 drop; }; }",
         "nftables 4,6 answers"),
        ("table inet f { chain w { type filter hook forward priority 0; policy drop; }; }", "nftables 4,6 guards"),
        ("table inet f { chain w { type filter hook forward priority 0; tcp dport 8042 drop; }; }",
         "nftables 4,6 guards answers"),
        ("table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }", "nftables 4"),
        ("table ip filter { chain DOCKER-USER { ip saddr != 10.0.0.0/8 drop; }; }", "nftables 4 guards answers"),
        ("table inet f { flags dormant; chain i { type filter hook input priority 0; policy drop; }; }", None),
        ("table inet n { chain p { type nat hook prerouting priority dstnat; }; }", None),
    ],
)  # fmt: skip
def test_defaults_and_guards(text: str, said: str | None) -> None:
    assert [facts(one) for one in parse_firewall(text, "rules.nft")] == ([said] if said else [])


def test_statements_one_by_one_and_what_is_flushed() -> None:
    text = dedent(
        """\
        add table inet f
        add chain inet f i { type filter hook input priority filter + 5; policy drop; }
        add rule inet f i tcp dport 1 accept
        flush chain inet f i
        add set inet f ports { type inet_service; }
        add element inet f ports { 104, 11112 }
        insert rule inet f i tcp dport @ports accept
        add rule inet f i index 0 tcp dport 2 accept
        """
    )
    assert told(only(text, "rules.nft").filters) == ["input any -> 104,11112", "input any -> 2"]


def test_what_an_earlier_chain_drops_no_later_one_lets_in() -> None:
    text = dedent(
        """\
        table inet early {
          chain i {
            type filter hook input priority -10; policy accept;
            ip saddr != 10.0.0.0/8 tcp dport 8042 drop
          }
        }
        table inet late {
          chain i {
            type filter hook input priority 0; policy drop;
            tcp dport { 22, 8042 } accept
            tcp dport 8042 accept
          }
        }
        """
    )
    assert told(only(text, "rules.nft").filters) == [
        "input 10.0.0.0/8 -> 8042",
        "input any -> 22,8042",
        "input 10.0.0.0/8,::/0 -> 8042",
    ]


def test_problems_have_places() -> None:
    text = dedent(
        """\
        table inet f {
          include "/etc/nftables.d/*.nft"
          chain i {
            type filter hook input priority 0; policy drop;
            tcp dport nowhere accept
            tcp dport @empty accept
            tcp dport vmap @other
          }
        """
    )
    (file,) = parse_firewall('include "a.nft"\n' + text, "rules.nft")
    assert [f"{one.place} {one.severity} {one.message}" for one in file.problems] == [
        "rules.nft:1:9 warning a file that it includes is not followed: what it lets in is not read",
        "rules.nft:6:5 warning the service nowhere is not known: what is let in by it is not read",
        "rules.nft:7:5 warning the set @empty is not followed: what it lets in is not read",
        "rules.nft:8:5 warning the map @other is not followed: what it lets in is not read",
        "rules.nft:10:1 error a block is not closed",
    ]


def test_chains_that_jump_to_each_other_end() -> None:
    jumps = "".join(f"chain c{n} {{ jump c{n + 1}; jump c{n + 1}; jump c{n}; }}\n" for n in range(15))
    wide = "".join(f"jump c0\ntcp dport {port} accept\n" for port in range(3000))
    text = f"table inet f {{\n{jumps}chain c15 {{ ip saddr 10.0.0.1 accept; }}\n"
    text += f"chain i {{ type filter hook input priority 0; policy drop;\n{wide} }} }}"
    (file,) = parse_firewall(text, "rules.nft")
    assert [one.message for one in file.problems] == [
        "the chains jump to each other too often: what comes from here on is not read"
    ]


def test_definitions_of_definitions_do_not_grow() -> None:
    text = "define a0 = { 1, 2 }\n" + "".join(f"define a{n + 1} = {{ $a{n}, $a{n} }}\n" for n in range(40))
    text += "table inet f { chain i { type filter hook input priority 0; policy drop; tcp dport $a40 accept; }; }"
    (file,) = parse_firewall(text, "rules.nft")
    assert file.drops_by_default
