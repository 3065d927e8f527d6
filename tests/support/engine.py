"""A container engine of the tests' own: its own socket, storage, networks; and everything it left is removed.

Another engine on the machine is left alone: no file, network or container is shared. The one thing that engines share,
the chains of the packet filter, is emptied by each start of an engine: what the other one had there is put back.
"""

from __future__ import annotations

import ctypes
import ipaddress
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orthancgen.errors import EngineError, OrthancgenError
from orthancgen.runtimes.compose.command import find_compose
from orthancgen.runtimes.compose.engine import Engine, connect
from tests.support import firewall
from tests.support.images import CACHE, debian
from tests.support.servers import cannot_run, require_program, wait_until

USE_ENGINE: Final = "ORTHANCGEN_TEST_ENGINE"
"""An engine's address: then that one is used and nothing is started. For those who run the tests again and again."""

_START_SECONDS: Final = 180.0
_STOP_SECONDS: Final = 40.0
_MEMORY_BYTES: Final = 12 << 30
"""With so much to spare, images and volumes are kept in memory: building them is mostly writing small files."""
_POOLS: Final = "172.28.0.0/15"
"""Addresses from which the engine's own networks are cut; those of an environment are in 172.30."""
_PLUGIN: Final = "./usr/libexec/docker/cli-plugins/docker-compose"


@dataclass(frozen=True)
class TestEngine:
    """An engine for the tests.

    Attributes:
        host: its address, for DOCKER_HOST.
        folder: of everything it has, and of what tests want beside it.
        environment: the variables by which the docker command, and so orthancgen, finds it and Compose.
        stop: ends its process in order; its containers end with it. None for an engine that is not the tests' own.
        start: starts it again, with everything that it had.
    """

    __test__ = False

    host: str
    folder: Path
    environment: dict[str, str]
    stop: Callable[[], None] | None = None
    start: Callable[[], None] | None = None

    def connect(self, environment: str = "") -> Engine:
        """A connection to it, as orthancgen makes one."""
        return connect(self.host, environment=environment)

    @property
    def log(self) -> str:
        """What it printed."""
        path = self.folder / "dockerd.log"
        return path.read_text(errors="replace") if path.exists() else ""


@contextmanager
def running_engine() -> Iterator[TestEngine]:
    """An engine that runs until the end of the block, with Compose at hand."""
    before = os.environ.get("DOCKER_CONFIG")
    try:
        with _running_engine() as engine:
            yield engine
    finally:
        os.environ.pop("DOCKER_CONFIG", None)
        if before is not None:
            os.environ["DOCKER_CONFIG"] = before


@contextmanager
def _running_engine() -> Iterator[TestEngine]:
    chosen = os.environ.get(USE_ENGINE)
    if chosen:
        with tempfile.TemporaryDirectory(prefix="ocg-") as borrowed:
            yield TestEngine(chosen, Path(borrowed), {"DOCKER_HOST": chosen, **_compose(Path(borrowed))})
        return
    if os.geteuid() != 0:
        cannot_run("an engine of the tests' own needs root")
    dockerd = require_program("dockerd", "apt-get install docker.io")
    for program in ("iptables", "ip"):
        require_program(program, f"apt-get install {'iproute2' if program == 'ip' else program}")
    with tempfile.TemporaryDirectory(prefix="ocg-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)  # as /var/run is: whether somebody may use the engine is decided by its socket
        started = _Daemon(dockerd, folder)
        try:
            started.start()
            variables = {"DOCKER_HOST": started.host, **_compose(folder)}
            yield TestEngine(started.host, folder, variables, started.stop, started.launch)
        finally:
            started.end()


class _Daemon:
    """The process, its bridge, and the rules it makes."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._bridge = f"ocg{os.getpid()}"
        self._process: subprocess.Popen[bytes] | None = None
        self._machine = firewall.machine()
        self._subnet, self._pool = _free_subnets()

    @property
    def host(self) -> str:
        return f"unix://{self._folder}/docker.sock"

    def start(self) -> None:
        _ip("link", "add", "name", self._bridge, "type", "bridge")
        first = next(self._subnet.hosts())
        _ip("address", "add", f"{first}/{self._subnet.prefixlen}", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        (self._folder / "data").mkdir()
        if memory_bytes() >= _MEMORY_BYTES:
            command = ["mount", "-t", "tmpfs", "-o", f"size={_MEMORY_BYTES * 3 // 4},mode=0711", "ocg", "data"]
            subprocess.run(command, cwd=self._folder, capture_output=True, check=False)
        self.launch()

    def launch(self) -> None:
        """Start the process, and wait until it answers."""
        config = self._folder / "daemon.json"  # else the machine's own is read
        config.write_text(json.dumps({"default-address-pools": [{"base": str(self._pool), "size": 26}]}))
        before = firewall.rules()
        with (self._folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program, "--config-file", str(config), "--host", self.host, "--bridge", self._bridge,
                    "--data-root", str(self._folder / "data"), "--exec-root", str(self._folder / "exec"),
                    "--pidfile", str(self._folder / "dockerd.pid"), "--containerd-namespace", self._bridge,
                    "--containerd-plugins-namespace", f"{self._bridge}-plugins", "--shutdown-timeout", "5",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=_end_with_parent,
            )  # fmt: skip
        try:
            wait_until(self._answers, seconds=_START_SECONDS, what="the engine answers")
        except AssertionError as error:
            said = (self._folder / "dockerd.log").read_text(errors="replace")[-2000:]
            cannot_run(f"this machine cannot run an engine of the tests' own: {error}\n{said}")
        firewall.put_back(before)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"it ended with {self._process.returncode}")
        try:
            connect(self.host, need_compose=False).client.close()
        except EngineError:
            return False
        return True

    def end(self) -> None:
        """Remove every container and network, so that the engine takes back what it made for them; then the rest."""
        if self._process is not None:
            with suppress(OrthancgenError, Exception):
                _empty(connect(self.host, need_compose=False).client)
            self._stop(self._process)
        ours = str(self._subnet), self._bridge
        firewall.remove(lambda line: any(word in ours for word in line.split()))
        firewall.restore(self._machine)
        subprocess.run(["ip", "link", "delete", self._bridge], capture_output=True, check=False)
        _unmount_below(self._folder)
        subprocess.run(["rm", "-rf", "--one-file-system", str(self._folder / "data")], check=False)

    def stop(self) -> None:
        """End the process; what it has stays."""
        assert self._process is not None
        self._stop(self._process)

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            for path in self._folder.glob("exec/containerd/containerd.pid"):
                with suppress(ProcessLookupError, ValueError):
                    os.kill(int(path.read_text()), signal.SIGKILL)


def _end_with_parent() -> None:
    """SIGTERM for this process when the tests are killed. prctl(2), PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _empty(client: Any) -> None:
    api = client.api
    for container in api.containers(all=True):
        api.remove_container(container["Id"], force=True, v=True)
    for network in api.networks():
        if network["Name"] not in {"bridge", "host", "none"}:
            api.remove_network(network["Id"])
    client.close()


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        cannot_run(f"ip {' '.join(arguments)}: {done.stderr.strip()}; an engine needs the right to make networks")


def _free_subnets() -> tuple[ipaddress.IPv4Network, ipaddress.IPv4Network]:
    """One for the default bridge, one from which others are cut, of which this machine has no route."""
    printed = subprocess.run(["ip", "-json", "-4", "route"], capture_output=True, text=True, check=False).stdout
    routes = [ipaddress.IPv4Network(route["dst"]) for route in json.loads(printed or "[]") if "/" in route["dst"]]
    candidates = ipaddress.IPv4Network(_POOLS).subnets(new_prefix=20)
    free = [one for one in candidates if not any(one.overlaps(route) for route in routes)]
    if not free:
        cannot_run(f"no free addresses in {_POOLS}")
    # By process, so that two runs that begin at the same time do not choose the same.
    bridge, pool = free[os.getpid() % len(free)].subnets(prefixlen_diff=1)
    return next(bridge.subnets(new_prefix=24)), pool


def memory_bytes() -> int:
    """Memory that is free, or would be made so for who asks: MemAvailable of proc(5)."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return next(int(line[1]) * 1024 for line in lines if line[0] == "MemAvailable:")


def _unmount_below(folder: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed(mounts):
        if Path(mount).is_relative_to(folder):
            subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)


def _compose(folder: Path) -> dict[str, str]:
    """What the docker command needs to have Compose: nothing where it has it, else the plugin of Debian 13."""
    environment: dict[str, str] = {}
    try:
        find_compose()
    except EngineError:
        require_program("docker", "apt-get install docker.io")
        plugin = folder / "docker-config" / "cli-plugins" / "docker-compose"
        plugin.parent.mkdir(parents=True)
        made = compose_plugin()  # makes the folder of the cache, on a machine that has none yet
        os.link(made, plugin) if _same_device(folder) else shutil.copy(made, plugin)
        environment["DOCKER_CONFIG"] = str(plugin.parents[1])
        os.environ |= environment  # for what this process itself asks Compose
    return environment


def _same_device(folder: Path) -> bool:
    return folder.stat().st_dev == CACHE.stat().st_dev


def compose_plugin() -> Path:
    """Docker's Compose plugin from Debian 13's package, which needs nothing but a C library."""
    target = CACHE / "docker-compose"
    archive = debian("trixie", "--variant=extract", include=("docker-compose",))
    if not target.exists() or target.stat().st_mtime < archive.stat().st_mtime:
        with tarfile.open(archive) as opened, tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            member = opened.extractfile(_PLUGIN)
            assert member is not None
            made = Path(scratch) / "docker-compose"
            made.write_bytes(member.read())
            made.chmod(0o755)
            made.rename(target)
    return target
