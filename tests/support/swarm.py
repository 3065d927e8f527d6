"""A real swarm on one machine: each node an engine with its own network, processes, name, images and data.

A node is killed as a machine loses its power: its cable is cut, so that nothing says goodbye, and in the same moment
its engine and all of its containers are gone, by one signal that ends its own process namespace.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.support.engine import memory_bytes
from tests.support.namespaces import Hosts, network
from tests.support.servers import cannot_run, require_program, wait_until

_START_SECONDS: Final = 180.0
_MEMORY_BYTES: Final = 12 << 30
"""With so much to spare, the nodes keep images and volumes in memory."""
_GROUPS: Final = Path("/sys/fs/cgroup")
_POOL: Final = "10.201.0.0/16"
"""From which the swarm cuts what the stack leaves open; the rest of its networks are those of the environment."""


@dataclass(frozen=True)
class Task:
    """One task of a service as the managers see it.

    Attributes:
        service: its service, without the stack's name.
        node: the node that it is given to.
        wanted: the state that it shall have, `Running` for one that is wanted.
        state: the state that it has, `Running` once it is healthy.
        error: why it ended, where it did.
    """

    service: str
    node: str
    wanted: str
    state: str
    error: str

    @property
    def well(self) -> bool:
        """Whether it is wanted, and healthy."""
        return (self.wanted, self.state) == ("Running", "Running")


class Node:
    """One machine of the swarm.

    Args:
        name: its host name.
        address: its address in the network of the nodes.
        hosts: that network.
        folder: of what it keeps.
    """

    def __init__(self, name: str, address: str, hosts: Hosts, folder: Path) -> None:
        self.name, self.address, self.folder = name, address, folder
        self._namespace = hosts.names[address]
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        folder.chmod(0o711)

    @property
    def host(self) -> str:
        """The address of its engine, for DOCKER_HOST."""
        return f"unix://{self.folder}/docker.sock"

    def start(self) -> None:
        """Start its engine, and wait until it answers."""
        config = self.folder / "daemon.json"  # else this machine's own is read
        options = {"cgroup-parent": f"/{self._namespace}", "exec-opts": ["native.cgroupdriver=cgroupfs"]}
        config.write_text(json.dumps(options))
        dockerd = [
            require_program("dockerd", "apt-get install docker.io"), "--config-file", str(config), "--host", self.host,
            "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec"),
            "--pidfile", str(self.folder / "dockerd.pid"), "--containerd-namespace", self._namespace,
            "--containerd-plugins-namespace", f"{self._namespace}-plugins",
        ]  # fmt: skip
        # `ip netns exec` would put a /sys without the control groups before it.
        own = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        named = ["sh", "-c", 'hostname "$0" && exec "$@"', self.name]
        with (self.folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self._namespace}", *own, *named, *dockerd],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            wait_until(self._answers, seconds=_START_SECONDS, what=f"the engine of {self.name} answers")
        except AssertionError as error:
            said = (self.folder / "dockerd.log").read_text(errors="replace")[-2000:]
            cannot_run(f"this machine cannot run several engines of the tests' own: {error}\n{said}")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"it ended with {self._process.returncode}")
        return self.docker("version", check=False).returncode == 0

    def docker(self, *arguments: str, check: bool = True, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Run the docker command on it."""
        command = ["docker", "--host", self.host, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
        assert not check or done.returncode == 0, f"{' '.join(arguments)} on {self.name}: {done.stderr}"
        return done

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """What a listing of the docker command says, a mapping a row; none while the managers agree on a new leader."""
        printed = self.docker(*arguments, "--format", "{{json .}}", check=False).stdout
        return [json.loads(line) for line in printed.splitlines()]

    def container(self, service: str) -> str:
        """The id of the container of a service that runs here."""
        rows = self.rows("ps", "--no-trunc", "--filter", f"label=com.docker.swarm.service.name={service}")
        assert rows, f"{service} does not run on {self.name}"
        return str(rows[0]["ID"])

    def execute(self, service: str, *command: str) -> str:
        """What a command prints in the container of a service that runs here."""
        return self.docker("exec", self.container(service), *command).stdout

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a program of this machine itself, which calls from its address."""
        full = ["ip", "netns", "exec", self._namespace, *command]
        return subprocess.run(full, capture_output=True, text=True, check=False, timeout=180)

    def leads(self) -> bool:
        """Whether it is the manager that leads the swarm."""
        return self.docker("node", "inspect", "self", "--format", "{{.ManagerStatus.Leader}}").stdout.strip() == "true"

    def ready(self) -> int:
        """How many nodes are there, as this manager sees it."""
        return sum(row["Status"] == "Ready" for row in self.rows("node", "ls"))

    def kill(self) -> None:
        """Its power fails."""
        self._cable("down")
        self.end()

    def end(self) -> None:
        """End its engine and every container by SIGKILL; nothing where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        """End it, and take away the control groups that its containers had."""
        self.end()
        for root in (_GROUPS, *_GROUPS.iterdir()):
            group = root / self._namespace
            for path, _, _ in os.walk(group, topdown=False) if group.is_dir() else ():
                # What was killed is not gone in the same moment.
                wait_until(partial(_removed, Path(path)), what=f"{path} is empty")

    def come_back(self) -> None:
        """The power is back: it starts with all that it had."""
        for left in ("dockerd.pid", "docker.sock", "exec"):
            path = self.folder / left
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self._cable("up")
        self.start()

    def _cable(self, state: str) -> None:
        name = ["ip", "-netns", self._namespace]
        asked = [*name, "-json", "address", "show", "to", self.address]
        printed = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
        link = next(row["ifname"] for row in json.loads(printed) if row)
        subprocess.run([*name, "link", "set", link, state], check=True)


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


class Swarm:
    """Nodes that are all managers, so that the others go on when one is lost."""

    def __init__(self, nodes: Sequence[Node], outside: str) -> None:
        self.nodes = tuple(nodes)
        self.outside = outside
        """This host's address in the network of the nodes: as whom a caller of this host is seen."""

    def join(self) -> None:
        """Make them a swarm; the first one leads."""
        first, *others = self.nodes
        address = ("--advertise-addr", first.address, "--default-addr-pool", _POOL)
        first.docker("swarm", "init", *address)
        token = first.docker("swarm", "join-token", "--quiet", "manager").stdout.strip()
        for node in others:
            node.docker("swarm", "join", "--advertise-addr", node.address, "--token", token, f"{first.address}:2377")

    def load(self, source: str, images: Iterable[str]) -> None:
        """Bring images of another engine to every node, as from a registry."""
        with tempfile.TemporaryDirectory(dir=self.nodes[0].folder.parent) as scratch:
            archive = Path(scratch) / "images.tar"
            subprocess.run(["docker", "--host", source, "save", "--output", archive, *sorted(set(images))], check=True)
            with ThreadPoolExecutor(len(self.nodes)) as pool:
                loaded = [
                    pool.submit(node.docker, "load", "--quiet", "--input", str(archive), seconds=600)
                    for node in self.nodes
                ]
                for one in loaded:
                    one.result()

    def tasks(self, manager: Node, stack: str) -> list[Task]:
        """Every task of a stack, those that ended too."""
        listed = manager.rows("stack", "ps", "--no-trunc", stack)
        return [
            Task(
                row["Name"].removeprefix(f"{stack}_").rpartition(".")[0], row["Node"], row["DesiredState"],
                row["CurrentState"].partition(" ")[0], row["Error"],
            )
            for row in listed
        ]  # fmt: skip


@contextmanager
def running_swarm(count: int = 3) -> Iterator[Swarm]:
    """A swarm of so many nodes, without a way out of their network; ended with everything on it."""
    if os.geteuid() != 0:
        cannot_run("engines of the tests' own need root")
    for program, package in (("docker", "docker.io"), ("nsenter", "util-linux"), ("unshare", "util-linux")):
        require_program(program, f"apt-get install {package}")
    prefix = f"10.202.{os.getpid() % 256}"
    addresses = [f"{prefix}.{number + 1}0" for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="ocs-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)
        in_memory = memory_bytes() >= _MEMORY_BYTES and _mount(folder)
        try:
            with network(f"{prefix}.1", addresses) as hosts:
                nodes = [
                    Node(f"node-{number}", address, hosts, folder / f"node-{number}")
                    for number, address in enumerate(addresses, 1)
                ]
                try:
                    for node in nodes:
                        # Whoever wants to call a registry is told at once that there is no way.
                        hosts.run(node.address, "ip", "route", "delete", "default")
                        node.start()
                    swarm = Swarm(nodes, hosts.host)
                    swarm.join()
                    yield swarm
                finally:
                    for node in nodes:
                        node.remove()
        finally:
            if in_memory:
                subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={_MEMORY_BYTES * 3 // 4},mode=0711", "ocs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
