"""A host in a network namespace, with machines around it: whether a firewall lets packets through is measured.

Nothing touches this machine's own rules: the host of the rig has its own network, its own container engine in that
network, and its own view of /etc, /var/lib and /run, in which it may write what it likes.

Names: the *host* carries the firewall; *machines* (modality, stranger, manager) call it, each from several addresses.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from orthancgen.firewall.policy import Policy
from tests.support.firewall import without_empty_tables
from tests.support.packet_addresses import (
    CLOSED_PORT,
    CLOSED_UDP_PORT,
    HOST_PORTS,
    MACHINES,
    OTHER_PORT,
    PUBLISHED_PORTS,
    SOURCES,
    VPN_PORT,
    host_address,
)
from tests.support.packet_engine import Engine
from tests.support.packet_network import first_process, legacy_programs, namespaces
from tests.support.packet_prober import Prober
from tests.support.servers import cannot_run, require_program

Protocol = Literal["tcp", "udp", "ping"]

_NUMBERS: Final = itertools.count(1)
_PUBLISHED: Final = {OTHER_PORT, *(port for ports in PUBLISHED_PORTS.values() for port in ports)}
_SECONDS: Final = 0.3
_SECONDS_AGAIN: Final = 2.5


@dataclass(frozen=True, slots=True)
class Probe:
    """A connection that is tried: from an address of a machine to a port of the host."""

    machine: str
    source: str
    address: str
    port: int
    protocol: Protocol = "tcp"


@dataclass(frozen=True, slots=True)
class Difference:
    """What was measured otherwise than computed."""

    probe: Probe
    expected: str
    measured: str


@dataclass(frozen=True)
class Rig:
    """The host, and the machines around it.

    Attributes:
        folder: temporary, seen by the host as well: bundles may be written there.
        namespace: of the host's network, as `ip netns` names it.
        init: process id of the host's first process, whose mounts and network a command enters.
        probers: a machine's name (or `host`) -> its prober.
        path: put before PATH of the host's commands: chooses iptables-legacy.
        engine: the container engine in the host's network; None without one.
    """

    folder: Path
    namespace: str
    init: int
    probers: Mapping[str, Prober]
    path: str = ""
    engine: Engine | None = field(default=None, repr=False)

    def run(self, *command: str, timeout: float = 180, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the host, as root, with its network and its own /etc, /var/lib and /run."""
        return subprocess.run(
            ["nsenter", "-t", str(self.init), "--mount", "--net", "--wd=/", *command],
            capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": f"{self.path}{os.environ['PATH']}:/usr/sbin:/sbin", **variables},
        )  # fmt: skip

    def do(self, *command: str, **variables: str) -> str:
        """Run a command on the host that must succeed; its output."""
        done = self.run(*command, timeout=180, **variables)
        assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def rules(self) -> str:
        """Every rule of the host, of iptables and of nftables, without counters; nothing where there is none."""
        script = (
            "for p in iptables ip6tables; do $p-save | sed '/^#/d; s/\\[[0-9:]*\\]//'; done; nft -s list ruleset inet"
        )
        return without_empty_tables(self.do("sh", "-c", script))

    def forget_rules(self) -> None:
        """As when the host starts: no rules of anybody."""
        self.do(
            "sh", "-c", "nft flush ruleset; for p in iptables ip6tables; do for t in filter nat mangle; do "
            "$p -t $t -F; $p -t $t -X; done; for c in INPUT FORWARD OUTPUT; do $p -P $c ACCEPT; done; done",
        )  # fmt: skip

    # --- measuring

    def listeners(self) -> Iterator[tuple[int, Protocol]]:
        """Everything that answers on the host."""
        for ports in HOST_PORTS.values():
            for port in ports:
                yield port, "tcp"
        yield CLOSED_PORT, "tcp"
        if self.engine is not None:
            for ports in PUBLISHED_PORTS.values():
                for port in ports:
                    yield port, "tcp"
            yield OTHER_PORT, "tcp"
        yield VPN_PORT, "udp"
        yield CLOSED_UDP_PORT, "udp"
        yield 0, "ping"

    def matrix(self) -> list[Probe]:
        """Every address of every machine, with everything that answers on the host; and calls of the host itself."""
        return [Probe("host", host_address(source), source, PUBLISHED_PORTS["dicom"][0]) for _, source in SOURCES] + [
            Probe(machine, source, host_address(source), port, protocol)
            for machine, source in SOURCES
            for port, protocol in self.listeners()
            if port not in _PUBLISHED or "." in source or (self.engine is not None and self.engine.publishes_6)
        ]

    def measure(self, probes: Sequence[Probe], seconds: float = _SECONDS) -> list[str]:
        """`open`, `refused`, `silent`, or another error, for each; all at the same time."""
        of_machine = {machine: [one for one in probes if one.machine == machine] for machine in self.probers}
        asked = {machine: found for machine, found in of_machine.items() if found}
        for machine, found in asked.items():
            wanted = [[one.source, one.address, one.port, one.protocol] for one in found]
            self.probers[machine].begin(probes=wanted, seconds=seconds)
        results: dict[Probe, str] = {}
        for machine, found in asked.items():
            results |= dict(zip(found, self.probers[machine].end(), strict=True))
        return [results[one] for one in probes]

    def differences(self, policy: Policy | None) -> list[Difference]:
        """Where the packets went otherwise than the policy says; measured twice, the second time with more patience.

        Without a policy, everything answers.
        """
        probes = self.matrix()
        self.forget_neighbours()
        found = self._compared(probes, policy, _SECONDS)
        return self._compared([one.probe for one in found], policy, _SECONDS_AGAIN) if found else []

    def _compared(self, probes: Sequence[Probe], policy: Policy | None, seconds: float) -> list[Difference]:
        measured = self.measure(probes, seconds)
        compared = ((one, expected(one, policy), got) for one, got in zip(probes, measured, strict=True))
        return [Difference(one, wanted, got) for one, wanted, got in compared if wanted != got]

    def forget_neighbours(self) -> None:
        """Link addresses are asked for anew: neighbour discovery is a part of what is measured."""
        self.run("ip", "neigh", "flush", "all")


def expected(probe: Probe, policy: Policy | None) -> str:
    """What a firewall that enforces the policy makes of a probe."""
    if policy is None or probe.protocol == "ping" or probe.machine == "host":
        return "open"
    if probe.port in _PUBLISHED and probe.port not in {one.port for one in policy.published}:
        return "open"
    return "open" if policy.lets_in(probe.source, probe.port, probe.protocol) else "silent"


# --- building


@contextmanager
def running_rig(
    *, engine: bool = True, legacy: bool = False, configuration: Mapping[str, Any] | None = None
) -> Iterator[Rig]:
    """A rig, until the end of the block.

    Args:
        engine: with a container engine in the host's network; without one nothing made the chains of engines yet.
        configuration: of the engine, as in daemon.json.
        legacy: the host, and its engine, have iptables-legacy as `iptables`. The engine then publishes on IPv4 only:
            most redirections of IPv6 seem to be there already to Docker 20.10, and it makes none.
    """
    if os.geteuid() != 0:
        cannot_run("network namespaces need root")
    for program, package in (("ip", "iproute2"), ("nsenter", "util-linux"), ("iptables", "iptables")):
        require_program(program, f"apt-get install {package}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ogp-", ignore_cleanup_errors=True)))
        folder.chmod(0o711)
        path = f"{legacy_programs(folder)}:" if legacy else ""
        host = namespaces(stack, f"ogp{os.getpid()}-{next(_NUMBERS)}")
        init = first_process(stack, host, folder)
        probers = {name: Prober(["ip", "netns", "exec", f"{host}-{name}"]) for name in MACHINES}
        probers["host"] = Prober(["ip", "netns", "exec", host])
        for prober in probers.values():
            stack.callback(prober.close)
        chosen = {"ip6tables": not legacy, **(configuration or {})}
        started = Engine(host, folder, path, chosen) if engine else None
        if started is not None:
            stack.callback(started.end)
            started.launch()
        _listen(probers)
        rig = Rig(folder, host, init, probers, path, started)
        if started is not None:
            started.publish()
        _wait_for_answers(rig)
        yield rig


@contextmanager
def with_engine(rig: Rig, bus: str) -> Iterator[Rig]:
    """A rig that has no engine, with one that is started now, after what it looks for on the host; until the end.

    Args:
        rig: the host.
        bus: address of the message bus on which the engine looks for firewalld.
    """
    started = Engine(rig.namespace, rig.folder, rig.path, {"ip6tables": True}, bus)
    try:
        started.launch()
        started.publish()
        yield replace(rig, engine=started)
    finally:
        started.end()


def _wait_for_answers(rig: Rig) -> None:
    for _ in range(9):
        found = rig.differences(None)
        if not found:
            return
    raise AssertionError(f"without a firewall, not everything answers on the rig: {found}")


def _listen(probers: Mapping[str, Prober]) -> None:
    everywhere = ("0.0.0.0", "::")
    ports = [port for group in HOST_PORTS.values() for port in group] + [CLOSED_PORT]
    listeners: list[tuple[str, int, str]] = [(address, port, "tcp") for address in everywhere for port in ports]
    listeners += [(address, port, "udp") for address in everywhere for port in (VPN_PORT, CLOSED_UDP_PORT)]
    probers["host"].ask(listen=listeners)
    for name in MACHINES:  # what containers call: the same ports as those that are guarded on the host
        called = [(address, port, "tcp") for address in everywhere for port in PUBLISHED_PORTS["dicom"]]
        probers[name].ask(listen=called)
