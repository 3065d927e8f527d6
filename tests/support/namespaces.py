"""Network namespaces as modalities: each has its own address, and reaches this host as from another machine."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.servers import cannot_run, require_program


@dataclass(frozen=True)
class Hosts:
    """Machines of a network of their own, each a namespace, and this host in it.

    Attributes:
        host: this host's address in that network.
        names: address -> the namespace that has it.
    """

    host: str
    names: dict[str, str]

    def run(self, address: str, *command: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Run a command on the machine of that address."""
        return subprocess.run(
            ["ip", "netns", "exec", self.names[address], *command], capture_output=True, text=True, timeout=timeout,
            check=False,
        )  # fmt: skip


_NUMBERS = itertools.count()


@contextmanager
def network(host: str, machines: Sequence[str], *, length: int = 24) -> Iterator[Hosts]:
    """A network with this host and those machines; removed at the end of the block."""
    require_program("ip", "apt-get install iproute2")
    if os.geteuid() != 0:
        cannot_run("network namespaces need root")
    # The kernel removes what was in a namespace a while after the namespace is gone: names are never used twice.
    mark = f"og{os.getpid() % 100_000}{chr(ord('a') + next(_NUMBERS) % 26)}"
    bridge = f"{mark}b"
    names = {address: f"{mark}n{number}" for number, address in enumerate(machines)}
    try:
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", f"{host}/{length}", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for number, (address, name) in enumerate(names.items()):
            outer, inner = f"{mark}o{number}", f"{mark}i{number}"
            _ip("netns", "add", name)
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            _ip("link", "set", outer, "master", bridge)
            _ip("link", "set", outer, "up")
            _ip("link", "set", inner, "netns", name)
            inside = ("netns", "exec", name, "ip")
            _ip(*inside, "address", "add", f"{address}/{length}", "dev", inner)
            _ip(*inside, "link", "set", "lo", "up")
            _ip(*inside, "link", "set", inner, "up")
            _ip(*inside, "route", "add", "default", "via", host)
        yield Hosts(host, names)
    finally:
        for name in names.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", bridge], capture_output=True, check=False)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        cannot_run(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
