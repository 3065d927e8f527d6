"""Which loaded rule keeps a caller out, what answers on a port, and that the table of questions is whole."""

from __future__ import annotations

import http.server
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from orthancgen.cli.output import load_plan
from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import AREAS, Diagnosis
from orthancgen.doctor.observe.firewall import Packet, RuleSet, of_iptables, of_nft
from orthancgen.doctor.observe.names import no_route, source_towards
from orthancgen.doctor.observe.ports import Listening, connects, seems
from orthancgen.doctor.questions.network import QUESTIONS
from orthancgen.doctor.questions.network.consequences import EVERYTHING, area_of, of_listener, of_service
from orthancgen.doctor.questions.network.containers import in_words
from orthancgen.doctor.questions.network.words import env, line
from orthancgen.resources import locate
from orthancgen.runtimes.runtime import runtime_of
from orthancgen.runtimes.state import State

CT: Final = Packet("192.168.10.21", "192.168.10.5", 4242, "eth0")

UFW: Final = """\
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
:ufw-not-local - [0:0]
-A INPUT -j ufw-before-input
-A INPUT -j ufw-user-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A ufw-before-input -j ufw-not-local
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j DROP
-A ufw-user-input -s 192.168.10.21/32 -p tcp -m tcp --dport 4242 -j ACCEPT
COMMIT
"""

DOCKER: Final = """\
*mangle
:PREROUTING ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o br-1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-1 -j DOCKER
-A DOCKER -d 172.30.1.2/32 ! -i br-1 -o br-1 -p tcp -m tcp --dport 4242 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
{user}-A DOCKER-USER -j RETURN
COMMIT
"""

FIREWALLD: Final = """\
table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		jump filter_INPUT_ZONES
		reject with icmpx admin-prohibited
	}

	chain filter_INPUT_ZONES {
		iifname "eth1" goto filter_IN_trusted
		iifname "eth0" goto filter_IN_public
		goto filter_IN_public
	}

	chain filter_IN_trusted {
		accept
	}

	chain filter_IN_public {
		jump filter_IN_public_allow
		meta l4proto { icmp, ipv6-icmp } accept
	}

	chain filter_IN_public_allow {
		tcp dport 22 ct state { new, untracked } accept
		ip saddr 192.168.10.21 tcp dport 4242 ct state { new, untracked } accept
	}
}
"""


def rules(text: str) -> RuleSet:
    return of_nft(text, without_iptables=False) if text.startswith("table") else of_iptables("iptables", text, 4)


@pytest.mark.parametrize(
    ("text", "packet", "expected"),
    [
        (UFW, CT, None),
        (UFW, replace(CT, source="192.168.10.22"), "policy drop"),
        (UFW, replace(CT, port=8042), "policy drop"),
        (FIREWALLD, CT, None),
        (FIREWALLD, replace(CT, source="192.168.10.22"), "reject with icmpx admin-prohibited"),
        (FIREWALLD, replace(CT, source="192.168.10.22", interface="eth1"), None),
        (FIREWALLD, replace(CT, source="192.168.10.22", redirected=True), None),
        (FIREWALLD, replace(CT, port=22, source="10.0.0.1"), None),
    ],
)
def test_who_is_kept_out_of_the_host(text: str, packet: Packet, expected: str | None) -> None:
    found = rules(text).denial(packet, "input")
    assert (found.rule if found else None) == expected


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", None),
        ("-A DOCKER-USER -s 192.168.10.0/24 -j DROP\n", "-A DOCKER-USER -s 192.168.10.0/24 -j DROP"),
        (
            "-A DOCKER-USER ! -s 192.168.11.0/24 -i eth0 -j DROP\n",
            "-A DOCKER-USER ! -s 192.168.11.0/24 -i eth0 -j DROP",
        ),
        ("-A DOCKER-USER -i eth1 -j DROP\n", None),
        ("-A DOCKER-USER ! -i eth0 -j DROP\n", None),
        ("-A DOCKER-USER -i eth+ -j REJECT\n", "-A DOCKER-USER -i eth+ -j REJECT"),
        ("-A DOCKER-USER -s 192.168.10.21/32 -j ACCEPT\n-A DOCKER-USER -j DROP\n", None),
        ("-A DOCKER-USER -s 192.168.10.21/32 -j RETURN\n-A DOCKER-USER -j DROP\n", None),
        ("-A DOCKER-USER -d 172.30.9.9/32 -j DROP\n", None),
        ("-A DOCKER-USER -m limit --limit 3/min -j DROP\n", None),
        ("-A DOCKER-USER -p udp -j DROP\n", None),
    ],
)
def test_who_is_kept_out_of_a_container(user: str, expected: str | None) -> None:
    packet = replace(CT, destination="172.30.1.2", redirected=True)
    found = rules(DOCKER.replace("{user}", user)).denial(packet, "forward")
    assert (found.rule if found else None) == expected
    assert found is None or (found.table, found.chain) == ("filter", "DOCKER-USER")


def test_an_engine_without_its_rules_is_behind_its_own_policy() -> None:
    text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\nCOMMIT\n"
    found = rules(text).denial(CT, "forward")
    assert found is not None
    assert (found.chain, found.rule, found.is_policy) == ("FORWARD", "policy drop", True)


@pytest.mark.parametrize(
    ("rule", "kept_out"),
    [
        ("tcp dport 4242 drop", True),
        ("tcp dport { 104, 4242 } drop", True),
        ("tcp dport 4000-4300 counter packets 0 bytes 0 reject", True),
        ("ip saddr != 192.168.10.0/24 drop", False),
        ("ip saddr { 192.168.10.20-192.168.10.30 } drop", True),
        ('iifname != "eth0" drop', False),
        ('iifname { "eth0", "eth1" } drop', True),
        ('iifname "eth*" drop', True),
        ("ip daddr 192.168.10.5 drop", True),
        ("ip daddr 192.168.10.6 drop", False),
        ('iifname vmap { "eth0" : drop, "eth1" : accept }', True),
        ('iifname vmap { "eth0" : accept, "eth1" : drop }', False),
        ("ip saddr 192.168.10.21 accept\n drop", False),
        ("limit rate 5/second accept\n drop", False),
        ("udp dport 4242 drop", False),
        ("ip6 saddr ::/0 drop", False),
        ("meta mark 7 drop", False),
    ],
)
def test_a_rule_of_nft(rule: str, kept_out: bool) -> None:
    text = f"table inet t {{\n chain c {{\n type filter hook input priority 0; policy accept;\n {rule}\n }}\n}}\n"
    found = rules(text).denial(CT, "input")
    assert (found is not None) == kept_out
    assert found is None or (found.tool, found.table, found.chain) == ("nft", "inet t", "c")


def test_every_chain_of_a_hook_is_asked() -> None:
    one = "table inet {name} {{\n chain c {{\n type filter hook input priority {rank}; policy {policy};\n }}\n}}\n"
    text = one.format(name="a", rank=0, policy="accept") + one.format(name="b", rank=10, policy="drop")
    found = rules(text).denial(CT, "input")
    assert found is not None
    assert (found.table, found.rule) == ("inet b", "policy drop")


def test_tables_of_iptables_and_of_engines_are_left_out() -> None:
    body = "{\n chain INPUT {\n type filter hook input priority 0; policy drop;\n }\n}\n"
    text = f"table ip filter {body}table inet docker-bridges {body}"
    assert of_nft(text, without_iptables=True).denial(CT, "input") is None
    assert of_nft(text, without_iptables=False).denial(CT, "input") is not None


def test_chains_that_jump_in_circles_end() -> None:
    text = "*filter\n:INPUT ACCEPT [0:0]\n:A - [0:0]\n-A INPUT -j A\n" + "-A A -j A\n" * 50 + "COMMIT\n"
    assert rules(text).denial(CT, "input") is None


def test_a_very_long_rule_set_is_judged() -> None:
    lines = "".join(f"-A INPUT -s 10.{n >> 8 & 255}.{n & 255}.1/32 -j DROP\n" for n in range(20_000))
    text = f"*filter\n:INPUT ACCEPT [0:0]\n{lines}-A INPUT -s 192.168.10.21/32 -j DROP\nCOMMIT\n"
    found = rules(text).denial(CT, "input")
    assert found is not None
    assert "192.168.10.21" in found.rule


def test_whose_rules_they_are() -> None:
    text = "table inet orthancgen {\n chain input {\n type filter hook input priority 0; policy drop;\n }\n}\n"
    found = rules(text).denial(CT, "input")
    assert found is not None
    assert found.is_own


# Ports


@contextmanager
def answering(first: bytes, reply: bytes = b"") -> Iterator[int]:
    """A service that says something unasked, and something else to whatever it is told."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    peer.settimeout(30)
                    try:
                        if first:
                            peer.sendall(first)
                        if peer.recv(1000) and reply:
                            peer.sendall(reply)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(60)


@pytest.mark.parametrize(
    ("first", "reply", "expected"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"", "SSH (`SSH-2.0-OpenSSH_9.2`)"),
        (b"", b"HTTP/1.1 404 Not Found\r\nServer: nginx/1.22\r\n\r\n", "a web server (`nginx/1.22`)"),
        (b"", b"HTTP/1.0 200 OK\r\n\r\n", "a web server"),
        (b"220 mail ESMTP\r\n", b"", "a mail server (`220 mail ESMTP`)"),
        (b"hello\x1b[2J\n", b"", "a service that greets with `hello?[2J`"),
        (b"", b"", "a service that says nothing"),
    ],
)
def test_what_answers_on_a_port(first: bytes, reply: bytes, expected: str) -> None:
    with answering(first, reply) as port:
        assert seems("127.0.0.1", port) == expected


def test_a_port_on_which_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        assert seems("127.0.0.1", port) == "nothing that accepts connections"
        assert connects("127.0.0.1", port) == "Connection refused"


@pytest.mark.parametrize(
    ("address", "asked", "covers"),
    [("0.0.0.0", "10.0.0.1", True), ("10.0.0.1", "10.0.0.1", True), ("127.0.0.1", "10.0.0.1", False)],
)
def test_where_a_program_is_reached(address: str, asked: str, covers: bool) -> None:
    assert Listening(address, 1, 2, "x").covers(asked) == covers


def test_the_loopback_is_reached() -> None:
    assert no_route("127.0.0.9") is None
    assert source_towards("127.0.0.1") == "127.0.0.1"


# The table


def test_questions_are_told_apart() -> None:
    ids = [one.id for one in QUESTIONS]
    assert len(set(ids)) == len(ids)
    for one in QUESTIONS:
        assert one.text.endswith("?")
        assert one.area in AREAS
        assert all(cause == cause.lower().replace(" ", "-") for cause in one.causes)


@pytest.mark.parametrize("service", ["database", "orthanc", "backend", "gateway"])
def test_a_service_that_does_not_run_explains_its_own_area(service: str) -> None:
    explained = of_service(service)
    assert area_of(service) in explained
    assert explained < EVERYTHING


def test_a_listener_explains_what_is_asked_there() -> None:
    assert "admission" in of_listener("DICOM without TLS")
    assert "web" in of_listener("HTTP")
    assert of_listener("unknown") == frozenset()


# The engine


class _Engine(http.server.BaseHTTPRequestHandler):
    """Says of what version it is, and nothing else."""

    api = "1.30"

    def do_GET(self) -> None:
        body = json.dumps({"ApiVersion": self.api, "Version": "19.03"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "local"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        del format, args


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@pytest.fixture
def case(tmp_path: Path) -> Case:
    file = locate("environments") / "prod.yaml"
    loaded, plan = load_plan(str(file))
    return Case(loaded, runtime_of(plan, State(tmp_path), file), named="my prod.yaml")


def asked(case: Case, question: str) -> dict[str, Diagnosis]:
    one = next(one for one in QUESTIONS if one.id == question)
    assert one.applies(case)
    return {found.cause: found for found in one.ask(case) if isinstance(found, Diagnosis)}


def test_an_engine_that_is_too_old(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s"
    with _Server(str(path), _Engine) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        found = asked(case, "engine-answers")
        server.shutdown()
    assert list(found) == ["engine-too-old"]
    assert "19.03" in found["engine-too-old"].evidence[0].text


def test_no_engine(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    found = asked(case, "engine-answers")
    assert list(found) == ["engine-unreachable"]
    assert found["engine-unreachable"].explains == EVERYTHING


def test_no_compose(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(asked(case, "compose-at-hand")) == ["compose-missing"]


def test_a_user_who_may_not_use_the_engine(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("DOCKER_HOST", "unix:///run/docker.sock")
    monkeypatch.setattr(socket.socket, "connect", refuse)  # root may use every socket
    assert list(asked(case, "engine-answers")) == ["engine-refuses-this-user"]


def test_a_command_is_read_back_by_a_shell_as_it_was_meant(case: Case) -> None:
    assert env(case) == "'my prod.yaml'"
    assert line("a\n\x1b[2Jb") == "a \\x1b[2Jb"


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("orthanc", "Orthanc"),
        ("database", "the MongoDB-compatible database"),
        ("backend", "the backend"),
        ("gateway", "the gateway"),
    ],
)
def test_how_a_service_is_called_in_a_sentence(case: Case, service: str, expected: str) -> None:
    assert in_words(case, service) == expected
