"""A host in a network namespace, with machines around it: whether a firewall lets packets through is measured.

Nothing touches this machine's own rules: the host of the rig has its own network, its own container engine in that
network, and its own view of /etc, /var/lib and /run, in which it may write what it likes.

Names: the *host* carries the firewall; *machines* (modality, stranger, manager) call it, each from several addresses.
"""

from __future__ import annotations

import ctypes
import io
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import docker

from orthancgen.firewall.policy import Policy
from tests.support.firewall import without_empty_tables
from tests.support.servers import cannot_run, require_program, wait_until

Protocol = Literal["tcp", "udp", "ping"]

MACHINES: Final = {"modality": 1, "stranger": 2, "manager": 3}
"""Machine -> the number in its networks."""
HOST_PORTS: Final = {
    "dicom": (4242, 2762),
    "http": (8042,),
    "backend": (8001,),
    "management": (22, 3389, 5985),
}
"""TCP ports on which programs of the host listen, IPv4 and IPv6; by what policies use them for."""
CLOSED_PORT: Final = 9999
"""A TCP port on which a program of the host listens, and that no policy opens."""
PUBLISHED_PORTS: Final = {"dicom": (11112, 2763), "plain": (2764,), "http": (8142,), "backend": (8101,)}
"""TCP ports that the engine publishes for the container of the site; by what policies use them for."""
OTHER_PORT: Final = 8888
"""A TCP port that the engine publishes for another project."""
VPN_PORT: Final = 51820
"""UDP port on which the host answers."""
CLOSED_UDP_PORT: Final = 5353
"""A UDP port on which the host answers, and that no policy opens."""
CONTAINERS: Final = "172.30.242.0/24"
"""The network of the site's container, the default of ``containers.subnet``."""

_OTHERS: Final = "172.29.77.0/24"
_OTHERS_6: Final = "fd29:77::/64"
_ENGINE_NETWORK_6: Final = "fd30:242::/64"
_SECONDS: Final = 0.3
_SECONDS_AGAIN: Final = 2.5
_NUMBERS: Final = itertools.count(1)
_START_SECONDS: Final = 60.0
_NO_BUS: Final = "unix:path=/nowhere"
"""The engine never hears of a firewalld of this machine, which would carry out its wishes in this machine's network."""
_PROBER: Final = Path(__file__).with_name("prober.py")


def addresses(machine: str) -> tuple[str, ...]:
    """The addresses of a machine: three of IPv4, three of IPv6, of two networks each."""
    n = MACHINES[machine]
    return (
        f"10.77.{n}.10", f"10.77.{n}.200", f"192.168.{100 + n}.5",
        f"fd77:0:0:{n}::10", f"fd77:0:0:{n}::abcd", f"fd78:0:0:{n}::5",
    )  # fmt: skip


def host_address(source: str) -> str:
    """The address of the host in the network of a machine's address."""
    if ":" in source:
        return source.rpartition("::")[0] + "::1"
    return source.rpartition(".")[0] + ".1"


SOURCES: Final = tuple((machine, address) for machine in MACHINES for address in addresses(machine))
"""Every address from which the host is called, with its machine."""


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


class Prober:
    """The program `prober.py` in one namespace."""

    def __init__(self, enter: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*enter, sys.executable, "-I", str(_PROBER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()

    def ask(self, **question: Any) -> Any:
        """One question, one answer."""
        with self._lock:
            self.begin(**question)
            return self.end()

    def begin(self, **question: Any) -> None:
        """Ask, and do not wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()

    def end(self) -> Any:
        """The answer to what was asked by `begin`."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the prober ended"
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


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
    engine: _Engine | None = field(default=None, repr=False)

    def run(self, *command: str, timeout: float = 60, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the host, as root, with its network and its own /etc, /var/lib and /run."""
        return subprocess.run(
            ["nsenter", "-t", str(self.init), "--mount", "--net", "--wd=/", *command],
            capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "PATH": f"{self.path}{os.environ['PATH']}:/usr/sbin:/sbin", **variables},
        )  # fmt: skip

    def do(self, *command: str, **variables: str) -> str:
        """Run a command on the host that must succeed; its output."""
        done = self.run(*command, timeout=60, **variables)
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


_PUBLISHED: Final = {OTHER_PORT, *(port for ports in PUBLISHED_PORTS.values() for port in ports)}


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
        path = f"{_legacy(folder)}:" if legacy else ""
        host = _network(stack, f"ogp{os.getpid()}-{next(_NUMBERS)}")
        init = _mounts(stack, host, folder)
        probers = {name: Prober(["ip", "netns", "exec", f"{host}-{name}"]) for name in MACHINES}
        probers["host"] = Prober(["ip", "netns", "exec", host])
        for prober in probers.values():
            stack.callback(prober.close)
        chosen = {"ip6tables": not legacy, **(configuration or {})}
        started = _Engine(host, folder, path, chosen) if engine else None
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
    started = _Engine(rig.namespace, rig.folder, rig.path, {"ip6tables": True}, bus)
    try:
        started.launch()
        started.publish()
        yield replace(rig, engine=started)
    finally:
        started.end()


def _wait_for_answers(rig: Rig) -> None:
    for _ in range(3):
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


def _network(stack: ExitStack, host: str) -> str:
    """The namespaces, each machine on a line of its own to the host; the name of the host's."""
    names = [host, *(f"{host}-{name}" for name in MACHINES)]
    batch: list[str] = []
    for name in names:
        _ip("netns", "add", name)
        stack.callback(subprocess.run, ["ip", "netns", "delete", name], capture_output=True, check=False)
    for name, n in MACHINES.items():
        peer = f"{host}-{name}"
        _ip("-n", host, "link", "add", f"lan{n}", "type", "veth", "peer", "name", "lan", "netns", peer)
        batch += [f"address add {host_address(one)}/{_length(one)}{_nodad(one)} dev lan{n}" for one in _networks(name)]
        batch.append(f"link set lan{n} up")
        inside = [f"address add {one}/{_length(one)}{_nodad(one)} dev lan" for one in addresses(name)]
        default = [f"route add default via 10.77.{n}.1", f"-6 route add default via fd77:0:0:{n}::1"]
        _ip_batch(peer, ["link set lo up", *inside, "link set lan up", *default])
    _ip_batch(host, ["link set lo up", *batch])
    for name in names:
        settings = ["net.ipv4.ping_group_range=0 0"]
        if name == host:
            settings += ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]
        subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", *settings], capture_output=True, check=True)
    return host


def _networks(machine: str) -> list[str]:
    """One address of each network of a machine."""
    return list({host_address(one): one for one in addresses(machine)}.values())


def _length(address: str) -> int:
    return 64 if ":" in address else 24


def _nodad(address: str) -> str:
    return " nodad" if ":" in address else ""


def _mounts(stack: ExitStack, host: str, folder: Path) -> int:
    """The first process of the host, with a view of its own of /etc, /var/lib and /run; its process id."""
    layers = folder / "layers"
    layers.mkdir()
    script = (
        'set -e; layers=$1; mount -t tmpfs tmpfs "$layers"; for name in etc var/lib; do mkdir -p "$layers/$name/up" '
        '"$layers/$name/work"; mount -t overlay overlay -o "lowerdir=/$name,upperdir=$layers/$name/up,'
        'workdir=$layers/$name/work" "/$name"; done; mount -t tmpfs tmpfs /run; echo ready; exec sleep infinity'
    )
    process = subprocess.Popen(
        ["ip", "netns", "exec", host, "unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh",
         str(layers)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def end() -> None:
        process.kill()
        process.communicate()

    stack.callback(end)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        cannot_run(f"this machine cannot mount views of /etc for the rig: {process.communicate()[1].strip()}")
    return process.pid


def _legacy(folder: Path) -> Path:
    """A folder with iptables-legacy under the names of iptables."""
    program = Path(require_program("xtables-legacy-multi", "apt-get install iptables"))
    made = folder / "legacy"
    made.mkdir()
    for name in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            (made / f"{name}{suffix}").symlink_to(program)
    return made


class _Engine:
    """A container engine in the host's network, with two containers that publish ports."""

    def __init__(
        self, host: str, folder: Path, path: str, configuration: Mapping[str, Any], bus: str = _NO_BUS
    ) -> None:
        self._host, self._path, self._configuration, self._bus = host, path, configuration, bus
        self.publishes_6 = bool(configuration["ip6tables"])
        self._folder = folder / "engine"
        self._folder.mkdir(mode=0o711)
        self._dockerd = require_program("dockerd", "apt-get install docker.io")
        self._busybox = require_program("busybox", "apt-get install busybox-static")
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Any = None
        self.site: Any = None
        self.other: Any = None

    @property
    def client(self) -> Any:
        assert self._client is not None
        return self._client

    def launch(self) -> None:
        """Start it, and wait until it answers."""
        config = self._folder / "daemon.json"  # else the machine's own is read
        config.write_text(json.dumps(dict(self._configuration)))
        folder = self._folder
        with (folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "nsenter", f"--net=/run/netns/{self._host}", self._dockerd, "--config-file", str(config),
                    "--host", f"unix://{folder}/docker.sock", "--bip", CONTAINERS.replace(".0/", ".1/"),
                    "--ipv6", "--fixed-cidr-v6", _ENGINE_NETWORK_6, "--experimental",
                    "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"),
                    "--pidfile", str(folder / "dockerd.pid"), "--containerd-namespace", self._host,
                    "--containerd-plugins-namespace", f"{self._host}-plugins", "--shutdown-timeout", "1",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=_end_with_parent,
                env={
                    **os.environ, "PATH": f"{self._path}{os.environ['PATH']}:/usr/sbin:/sbin",
                    "DBUS_SYSTEM_BUS_ADDRESS": self._bus,
                },
            )  # fmt: skip
        self._client = docker.DockerClient(base_url=f"unix://{folder}/docker.sock", version="1.41")
        try:
            wait_until(self._answers, seconds=_START_SECONDS, what="the engine answers")
        except AssertionError as error:
            said = (folder / "dockerd.log").read_text(errors="replace")[-2000:]
            cannot_run(f"this machine cannot run an engine in a network namespace: {error}\n{said}")
        for container in (self.site, self.other):
            if container is not None:
                wait_until(lambda one=container: self._runs(one), what=f"{container.name} runs again")  # type: ignore[misc]

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"it ended with {self._process.returncode}")
        try:
            with socket.socket(socket.AF_UNIX) as first:  # the client leaves a socket open that did not connect
                first.connect(f"{self._folder}/docker.sock")
            return bool(self._client.ping())
        except (docker.errors.DockerException, OSError):
            return False

    @staticmethod
    def _runs(container: Any) -> bool:
        container.reload()
        return bool(container.status == "running")

    def publish(self) -> None:
        """Run the two containers."""
        image = self._client.api.import_image_from_data(_tar(Path(self._busybox)), repository="packets", tag="1")
        assert "error" not in image, image
        # With IPv6: a port of [::] is redirected then. Else the engine's proxy has it, which is a program of the host.
        pools = [docker.types.IPAMPool(_OTHERS), docker.types.IPAMPool(_OTHERS_6)]
        ipam = docker.types.IPAMConfig(pool_configs=pools)
        network = self._client.networks.create("other", ipam=ipam, enable_ipv6=True)
        ports = [port for group in PUBLISHED_PORTS.values() for port in group]
        self.site = self._run("site", ports, "bridge")
        self.other = self._run("other", [OTHER_PORT], network.name)

    def _run(self, name: str, ports: Iterable[int], network: str) -> Any:
        script = "".join(f"/bin/busybox httpd -p {port} -h /;" for port in ports) + "exec /bin/busybox sleep 999999"
        everywhere = ("0.0.0.0", "::") if self.publishes_6 else ("0.0.0.0",)
        published = {f"{port}/tcp": [(address, port) for address in everywhere] for port in ports}
        return self._client.containers.run(
            "packets:1", ["/bin/busybox", "sh", "-c", script], name=name, detach=True, network=network, ports=published,
            restart_policy={"Name": "always"}, stop_signal="SIGKILL",
        )  # fmt: skip

    @property
    def address(self) -> str:
        """The IPv4 address of the site's container."""
        self.site.reload()
        return str(self.site.attrs["NetworkSettings"]["IPAddress"])

    @contextmanager
    def neighbour(self) -> Iterator[Any]:
        """Another container in the network of the site's."""
        started = self._run("neighbour", (), "bridge")
        try:
            yield started
        finally:
            started.remove(force=True)

    def reaches(self, container: Any, address: str, port: int) -> bool:
        """Whether a container can open a TCP connection."""
        done = container.exec_run(["/bin/busybox", "sh", "-c", f"/bin/busybox nc -w 2 {address} {port} </dev/null"])
        return int(done.exit_code) == 0

    def restart(self) -> None:
        """End the process and start it again; its containers come back with it."""
        self.stop()
        self.launch()

    def stop(self) -> None:
        """End the process; its containers end with it, and what it made of rules stays."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def end(self) -> None:
        """Remove the containers, and end it."""
        if self._client is not None:
            with suppress(docker.errors.DockerException, OSError):
                for container in self._client.containers.list(all=True):
                    container.remove(force=True)
            self._client.close()
        if self._process is not None:
            self.stop()
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in reversed(mounts):
            if Path(mount).is_relative_to(self._folder):
                subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
        shutil.rmtree(self._folder / "data", ignore_errors=True)


def _end_with_parent() -> None:
    """SIGTERM for this process when the tests are killed. prctl(2), PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _tar(busybox: Path) -> bytes:
    """An image's only file."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        archive.add(busybox, "bin/busybox")
    return written.getvalue()


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        cannot_run(f"ip {' '.join(arguments)}: {done.stderr.strip()}")


def _ip_batch(namespace: str, lines: Iterable[str]) -> None:
    # `-6` is no word of a batch: `ip -6` alone takes it.
    by_version: dict[bool, list[str]] = {False: [], True: []}
    for line in lines:
        by_version[line.startswith("-6 ")].append(line.removeprefix("-6 "))
    for six, chosen in by_version.items():
        if chosen:
            done = subprocess.run(
                ["ip", *(["-6"] if six else []), "-n", namespace, "-batch", "-"], input="\n".join(chosen) + "\n",
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode != 0:
                cannot_run(f"ip -batch: {done.stderr.strip()}")
