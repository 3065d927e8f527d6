"""What docs/scale.md says of balancers and of the addresses of callers, between real network namespaces."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.servers import cannot_run, require_program, wait_until

pytestmark = pytest.mark.live
DOCS = (Path(__file__).parents[2] / "docs/scale.md").read_text()
NFT, HAPROXY, SHELL = (re.findall(rf"```{kind}\n(.*?)```", DOCS, re.DOTALL)[0] for kind in ("nft", "haproxy", "sh"))
BALANCER, PORT, CALLER = "10.77.1.1", "4242", "10.77.1.2"
ORTHANCS = {"one": "10.77.2.2", "two": "10.77.3.2"}
_NUMBERS = itertools.count()

ANSWERS = """
import socket, sys
server = socket.create_server(("0.0.0.0", 4242))
while True:
    caller, address = server.accept()
    caller.sendall(f"{sys.argv[1]} {address[0]}".encode())
    caller.close()
"""
"""In the place of Orthanc: says who it is, and which address its socket shows."""
ASKS = f"""
import socket
for _ in range(4):
    try:
        with socket.create_connection(("{BALANCER}", {PORT}), timeout=3) as server:
            print(server.recv(100).decode())
    except OSError:
        print()
"""


class Between:
    """A balancer between a modality and two servers, each a machine of its own."""

    def __init__(self, mark: str) -> None:
        self.caller, self.balancer, self.one, self.two = (f"{mark}{letter}" for letter in "cbxy")
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, where: str, *command: str) -> None:
        self.processes.append(subprocess.Popen(["ip", "netns", "exec", where, *command], stdout=subprocess.DEVNULL))

    def run(self, where: str, *command: str, text: str | None = None) -> str:
        full = ["ip", "netns", "exec", where, *command]
        return subprocess.run(full, check=True, capture_output=True, text=True, input=text).stdout.strip()

    def seen(self) -> set[tuple[str, ...]]:
        """Who of the two answered, and which address each saw; an empty answer where nobody did."""
        command = ["ip", "netns", "exec", self.caller, sys.executable, "-I", "-S", "-c", ASKS]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return {tuple(line.split()) for line in done.stdout.splitlines()}


@contextmanager
def machines() -> Iterator[Between]:
    require_program("ip", "apt-get install iproute2")
    if os.geteuid() != 0:
        cannot_run("network namespaces need root")
    between = Between(f"ogl{os.getpid() % 100_000}{next(_NUMBERS)}")
    names = (between.caller, between.balancer, between.one, between.two)
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
            between.run(name, "ip", "link", "set", "lo", "up")
        for network, name in enumerate((between.caller, between.one, between.two), start=1):
            outer, inner = f"{name}o", f"{name}i"
            pair = ["ip", "link", "add", outer, "netns", between.balancer, "type", "veth", "peer", "name", inner]
            subprocess.run([*pair, "netns", name], check=True)
            for place, link, last in ((between.balancer, outer, 1), (name, inner, 2)):
                between.run(place, "ip", "address", "add", f"10.77.{network}.{last}/24", "dev", link)
                between.run(place, "ip", "link", "set", link, "up")
            between.run(name, "ip", "route", "add", "default", "via", f"10.77.{network}.1")
        between.run(between.balancer, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        for name, where in (("one", between.one), ("two", between.two)):
            between.start(where, sys.executable, "-I", "-S", "-c", ANSWERS, name)
        yield between
    finally:
        for process in between.processes:
            process.terminate()
            process.wait()
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


@pytest.fixture
def between() -> Iterator[Between]:
    with machines() as made:
        yield made


def haproxy(between: Between, folder: Path, text: str) -> None:
    path = folder / "haproxy.cfg"
    path.write_text(text)
    between.start(between.balancer, require_program("haproxy"), "-db", "-f", str(path))


def test_packets_that_are_balanced_keep_the_caller(between: Between) -> None:
    between.run(between.balancer, require_program("nft", "apt-get install nftables"), "-f", "-", text=NFT)
    wait_until(lambda: between.seen() == {("one", CALLER), ("two", CALLER)}, what="both see the caller")


def test_a_proxy_hides_the_caller(between: Between, tmp_path: Path) -> None:
    plain = "\n".join(line for line in HAPROXY.splitlines() if "usesrc" not in line)
    haproxy(between, tmp_path, plain + "\n")
    wait_until(lambda: between.seen() == {("one", "10.77.2.1"), ("two", "10.77.3.1")}, what="both see the proxy")


def test_a_proxy_that_calls_as_the_caller_needs_the_way_back(between: Between, tmp_path: Path) -> None:
    haproxy(between, tmp_path, HAPROXY)
    between.run(between.balancer, "sh", "-e", text=SHELL)
    wait_until(lambda: between.seen() == {("one", CALLER), ("two", CALLER)}, what="both see the caller")
    between.processes[0].terminate()
    between.processes[0].wait()
    wait_until(lambda: between.seen() == {("two", CALLER)}, what="the one that is left takes all")
    between.run(between.balancer, "nft", "flush", "ruleset")
    assert between.seen() == {()}
