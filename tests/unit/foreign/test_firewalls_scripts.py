from __future__ import annotations

from textwrap import dedent

import pytest

from orthancgen.foreign.firewalls import parse_firewall
from orthancgen.foreign.firewalls.shell import commands
from tests.support.filters import facts, told


def test_variables_loops_and_both_versions_of_ip() -> None:
    text = dedent(
        """\
        #!/bin/bash
        set -e
        IPT="/sbin/iptables -w"
        IP6T=/sbin/ip6tables
        LAN=10.0.0.0/8
        CTS="192.168.1.5 192.168.1.6"
        $IPT -P INPUT DROP
        $IP6T -P INPUT DROP
        $IPT -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT  # answers
        for port in 104 ${DICOM_PORT:-11112}; do
          for ct in $CTS; do
            $IPT -A INPUT -s "$ct" -p tcp --dport "$port" -m comment --comment "DICOM $port" -j ACCEPT
          done
        done
        if [ -n "$WEB" ]; then sudo iptables -A INPUT -s $LAN -p tcp \\
            --dport 8042 -j ACCEPT >/dev/null 2>&1 || exit 1; fi
        iptables -A INPUT -s $UNSAID -p tcp --dport 22 -j ACCEPT
        allow() { iptables -A INPUT -s "$1" -p tcp --dport 443 -j ACCEPT; }
        allow 10.1.0.0/16
        ipset create friends hash:net
        ipset add friends 10.2.0.0/16
        ipset -A friends 10.3.0.1
        iptables -A INPUT -m set --match-set friends src -p tcp --dport 2762 -j ACCEPT
        """
    )
    four, six = parse_firewall(text, "firewall")
    assert (facts(four), facts(six)) == ("iptables 4 drops answers", "ip6tables 6 drops")
    assert told(four.filters) == [
        'input 192.168.1.5/32 -> 104 "DICOM 104"',
        'input 192.168.1.6/32 -> 104 "DICOM 104"',
        'input 192.168.1.5/32 -> 11112 "DICOM 11112"',
        'input 192.168.1.6/32 -> 11112 "DICOM 11112"',
        "input 10.0.0.0/8 -> 8042",
        "input $UNSAID -> 22",
        "input $1 -> 443",
        "input 10.2.0.0/16,10.3.0.1/32 -> 2762",
    ]
    assert [(one.mark.line, one.mark.column) for one in four.filters[:5]] == [(12, 5)] * 4 + [(15, 29)]
    assert six.filters == ()


def test_rules_that_a_script_brings_with_it() -> None:
    text = dedent(
        """\
        #!/bin/sh
        iptables-restore <<'EOF'
        *filter
        :INPUT DROP [0:0]
        -A INPUT -p tcp --dport 104 -j ACCEPT
        COMMIT
        EOF
        cat >/etc/nftables.conf <<-END
        \ttable inet f {
        \t\tchain i { type filter hook input priority 0; policy drop; tcp dport 8042 accept; }
        \t}
        \tEND
        cat <<HELP
        ufw allow 22
        HELP
        """
    )
    restored, written = parse_firewall(text, "setup.sh")
    assert (facts(restored), facts(written)) == ("iptables 4 drops", "nftables 4,6 drops")
    assert told(restored.filters) + told(written.filters) == ["input any -> 104", "input any -> 8042"]
    assert (restored.filters[0].mark.line, written.filters[0].mark.line) == (5, 10)
    assert restored.text == written.text == text


def test_calls_of_nft() -> None:
    text = dedent(
        """\
        nft -f /etc/nftables.conf
        nft flush ruleset
        nft add table inet f
        nft 'add chain inet f i { type filter hook input priority 0; policy drop; }'
        nft add set inet f cts { type ipv4_addr \\; flags interval \\; }
        nft add element inet f cts { 10.0.0.0/8, 10.9.0.1 }
        nft add rule inet f i ip saddr @cts tcp dport 104 accept comment \\"from CTs\\"
        nft add rule inet f i ct state established accept
        nft list ruleset
        """
    )
    (file,) = parse_firewall(text, "a.sh")
    assert facts(file) == "nftables 4,6 drops answers"
    assert told(file.filters) == ['input 10.0.0.0/8,10.9.0.1/32 -> 104 "from CTs"']
    assert (file.filters[0].mark.line, file.filters[0].mark.column) == (7, 1)


def test_several_firewalls_in_one_script() -> None:
    text = "iptables -P INPUT DROP\nufw allow 1\nfirewall-cmd --add-port=2/tcp\n"
    text += "aws ec2 authorize-security-group-ingress \\\n"
    text += "  --protocol tcp --port 3 --cidr 10.0.0.0/8\n"
    assert [(one.kind, told(one.filters)) for one in parse_firewall(text, "a.sh")] == [
        ("iptables", []),
        ("ufw", ["input any -> 1"]),
        ("firewalld", ["input any -> 2"]),
        ("aws", ["any 10.0.0.0/8 -> 3"]),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "iptables -L -n\n",
        "iptables-save > rules.v4\n",
        "iptables -P INPUT ACCEPT\niptables -F\niptables -X\n",
        "iptables -C INPUT -p tcp --dport 22 -j ACCEPT\n",
        "echo 'iptables -A INPUT -j ACCEPT'\n",
        "# iptables -A INPUT -j ACCEPT\n",
        "x='iptables -A INPUT -j ACCEPT'\n",
        "grep iptables /etc/rules && echo ufw enable\n",
        "nft list table inet f\n",
    ],
)
def test_scripts_that_make_no_rules(text: str) -> None:
    assert parse_firewall(text, "a.sh") == ()


@pytest.mark.parametrize("name", ["README.md", "guide.rst", "index.html", "setup.py", "script.lua"])
def test_prose_and_programs_are_no_scripts(name: str) -> None:
    assert parse_firewall("ufw allow 22\n", name) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a 'b c'd \"e $f\" g\\ h", [("a", "b cd", "e $f", "g h")]),
        ("a; b && c || d | e & f", [("a",), ("b",), ("c",), ("d",), ("e",), ("f",)]),
        ("a >x 2>&1 <y b", [("a", "b")]),
        ("a $(b; c (d)) e", [("a", "$(b; c (d))", "e")]),
        ("a `b; c` d", [("a", "`b; c`", "d")]),
        ("x=1 y=2 a $x ${y} ${z:-3} ${u}", [("a", "1", "2", "3", "${u}")]),
        ("x='1 2'\na $x \"$x\"", [("a", "1", "2", "1 2")]),
        ("for x in 1 2; do a $x; done; a $x", [("a", "1"), ("a", "2"), ("a", "$x")]),
        ("while read x; do a; done", [("read", "x"), ("a",)]),
        ("for x in 1; do while read y; do a; done; b $x; done; b $x", [("read", "y"), ("a",), ("b", "1"), ("b", "$x")]),
        ("for x; do a $x; done", [("a", "$x")]),
        ("a#b #c", [("a#b",)]),
        ("a \\\n b", [("a", "b")]),
        ("cat <<E x\na\nE\nb", [("cat", "x"), ("b",)]),
        ("cat <<E\na", [("cat",)]),
        ("'a", [("a",)]),
        ('"a', [("a",)]),
        ("a $(b", [("a", "$(b")]),
        ("", []),
    ],
)
def test_words_of_the_shell(text: str, words: list[tuple[str, ...]]) -> None:
    assert [one.words for one in commands(text)] == words


def test_variables_do_not_grow_without_end() -> None:
    text = (
        "a=0123456789\n" + "".join(f"a=$a$a$a$a # {n}\n" for n in range(50)) + "iptables -A INPUT -s $a$a$a -j DROP\n"
    )
    (file,) = parse_firewall(text, "a.sh")
    assert file.kind == "iptables"
    assert sum(len(word) for one in commands(text) for word in one.words) < 200_000
