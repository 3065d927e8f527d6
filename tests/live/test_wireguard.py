"""WireGuard for real: two hosts, a tunnel between them by the written files, and nobody in it without a key of it."""

from __future__ import annotations

import ipaddress
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import policy
from orthancgen.firewall.wireguard import server_conf
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.secrets.store import generate
from orthancgen.secrets.value import SecretValue
from orthancgen.vpn.write import write_configurations
from tests.support.environments import MINIMAL, NEWEST, site_of
from tests.support.packet_addresses import HOST_PORTS, addresses, host_address
from tests.support.packets import Probe, Rig, running_rig
from tests.support.servers import cannot_run, require_program, wait_until

pytestmark = pytest.mark.live

PORT = 51821
"""UDP port of the VPN; the rig answers on the usual one itself."""
DICOM = HOST_PORTS["dicom"][0]


@dataclass(frozen=True)
class Case:
    """A VPN of one family, over lines of one family."""

    network: str
    host: str
    first: str
    second: str
    over: str


CASES = [
    Case("10.99.0.0/24", "10.99.0.1", "10.99.0.2", "10.99.0.3", addresses("modality")[0]),
    Case("fd99::/64", "fd99::1", "fd99::2", "fd99::3", addresses("modality")[3]),
]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """A host without an engine: WireGuard needs none."""
    require_program("wg-quick", "apt-get install wireguard-tools")
    require_program("wireguard-go", "apt-get install wireguard-go")
    if not Path("/dev/net/tun").exists():
        cannot_run("wireguard-go needs /dev/net/tun: mkdir -p /dev/net && mknod /dev/net/tun c 10 200")
    with running_rig(engine=False) as started:
        yield started


def planned(case: Case, **changes: Any) -> Plan:
    vpn = {"network": case.network, "endpoint": host_address(case.over), "port": PORT}
    modalities = {"ct1": {"aet": "CT1", "address": case.first}, "mr1": {"aet": "MR1", "address": case.second}}
    site = site_of(MINIMAL, {"modalities": modalities, "network": {"vpn": vpn, "firewall": ["wireguard"]}, **changes})
    return plan(site, NEWEST)


def keys(of: Plan) -> dict[str, SecretValue]:
    return {secret.name: generate("wireguard") for secret in of.secrets if secret.purpose == "wireguard"}


class Tunnels:
    """Interfaces of WireGuard, taken down at the end."""

    def __init__(self, rig: Rig, folder: Path, stack: ExitStack) -> None:
        self._rig, self._folder, self._stack = rig, folder, stack
        self._count = 0

    def up(self, machine: str, configuration: str) -> str:
        """Bring up a configuration on the host or a machine; the interface's name, which is unique on this computer."""
        self._count += 1
        name = f"ogw{os.getpid() % 100_000}{self._count}"
        path = self._folder / f"{name}.conf"
        path.touch(0o600)
        path.write_text(configuration)
        self._run(machine, "wg-quick", "up", str(path))
        self._stack.callback(self._run, machine, "wg-quick", "down", str(path))
        return name

    def _run(self, machine: str, *command: str) -> str:
        if machine == "host":
            return self._rig.do(*command)
        namespace = ["ip", "netns", "exec", f"{self._rig.namespace}-{machine}"]
        done = subprocess.run([*namespace, *command], capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def met(self, machine: str, name: str) -> set[str]:
        """The addresses of the peers of an interface that shook hands with it."""
        lines = self._run(machine, "wg", "show", name, "dump").splitlines()[1:]
        peers = [line.split("\t") for line in lines]
        return {peer[3].partition("/")[0] for peer in peers if peer[4] != "0"}


@contextmanager
def tunnels(rig: Rig, folder: Path) -> Iterator[Tunnels]:
    with ExitStack() as stack:
        yield Tunnels(rig, folder, stack)


def reached(rig: Rig, machine: str, source: str, address: str) -> set[str]:
    """What comes of TCP and of ping from an address in the tunnel to another."""
    probes = [Probe(machine, source, address, DICOM), Probe(machine, source, address, 0, "ping")]
    return set(rig.measure(probes, seconds=1.5))


@pytest.mark.parametrize("case", CASES, ids=["IPv4", "IPv6"])
def test_the_written_files_make_a_tunnel(rig: Rig, case: Case, tmp_path: Path) -> None:
    site = planned(case)
    host, ct, mr = (path.read_text() for path in write_configurations(site, keys(site), tmp_path / "written"))
    with tunnels(rig, tmp_path) as made:
        on_host = made.up("host", host)
        made.up("modality", ct)
        wait_until(lambda: reached(rig, "modality", case.first, case.host) == {"open"}, what="the tunnel")
        assert made.met("host", on_host) == {case.first}
        # Its key, but the address of another: the host takes no packet of it.
        made.up("stranger", mr.replace(case.second, case.first))
        assert reached(rig, "stranger", case.first, case.host) == {"silent"}
        wait_until(lambda: made.met("host", on_host) == {case.first, case.second}, what="the handshake of the stranger")
        assert reached(rig, "stranger", case.first, case.host) == {"silent"}
        wait_until(lambda: reached(rig, "modality", case.first, case.host) == {"open"}, what="the tunnel as before")


@pytest.mark.parametrize("case", CASES, ids=["IPv4", "IPv6"])
def test_without_its_key_nobody_gets_in(rig: Rig, case: Case, tmp_path: Path) -> None:
    site = planned(case)
    secrets = keys(site)
    host, *_ = (path.read_text() for path in write_configurations(site, secrets, tmp_path / "written"))
    others = {**secrets, "vpn_ct1_key": generate("wireguard")}
    _, intruder, _ = (path.read_text() for path in write_configurations(site, others, tmp_path / "other"))
    with tunnels(rig, tmp_path) as made:
        on_host = made.up("host", host)
        on_machine = made.up("modality", intruder)
        assert reached(rig, "modality", case.first, case.host) == {"silent"}
        assert made.met("host", on_host) == set()
        assert made.met("modality", on_machine) == set()


def test_the_file_of_the_bundle_is_for_reading_only(rig: Rig, tmp_path: Path) -> None:
    """Its peers have no key, so `wg` refuses it: nobody runs half a VPN by mistake."""

    path = tmp_path / "wg-half.conf"
    path.write_text(server_conf(planned(CASES[0])))
    done = rig.run("wg-quick", "up", str(path))
    assert done.returncode != 0
    assert "missing a public key" in done.stderr
    assert rig.run("ip", "link", "show", "wg-half").returncode != 0


def test_a_firewall_lets_in_the_vpn_and_what_comes_through_it(rig: Rig, tmp_path: Path) -> None:
    """The VPN's port answers from where it may be called; in the tunnel each peer reaches what its filters say."""
    case = CASES[0]
    lan = str(ipaddress.ip_network(f"{case.over}/24", strict=False))
    vpn = {"network": case.network, "endpoint": host_address(case.over), "port": PORT, "allowed_sources": [lan]}
    network = {"vpn": vpn, "firewall": ["wireguard", "nftables"], "managed_from": [lan], "management_ports": [22]}
    checks = {"calling_aet": "registered_from_own_address"}
    site = planned(case, **{"network": network, "dicom/ae_checks": checks, "dicom/port": DICOM})
    rules = next(file for file in DIALECTS["nftables"].files if file.path == "rules.nft")
    path = tmp_path / "rules.nft"
    path.write_text(rules.build(site, policy(site)))
    secrets = keys(site)
    host, ct, mr = (one.read_text() for one in write_configurations(site, secrets, tmp_path / "written"))
    with tunnels(rig, tmp_path) as made:
        rig.do("nft", "-f", str(path))
        try:
            on_host = made.up("host", host)
            made.up("modality", ct)
            made.up("stranger", mr)  # with a good key, from where the VPN may not be called
            wait_until(lambda: made.met("host", on_host) == {case.first}, what="the tunnel")
            through = [Probe("modality", case.first, case.host, port) for port in (DICOM, HOST_PORTS["http"][0])]
            wait_until(lambda: rig.measure(through, seconds=1.5) == ["open", "silent"], what="what each may reach")
            assert reached(rig, "stranger", case.second, case.host) == {"silent"}
            assert made.met("host", on_host) == {case.first}
        finally:
            rig.do("nft", "delete", "table", "inet", "orthancgen")
        # It was the firewall: without it the key is good.
        wait_until(lambda: made.met("host", on_host) == {case.first, case.second}, what="the second tunnel")
