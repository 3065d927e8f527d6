"""The namespaces of a host and of the machines around it, and the host's own view of /etc, /var/lib and /run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from tests.support.packet_addresses import MACHINES, addresses, host_address
from tests.support.servers import cannot_run, require_program


def namespaces(stack: ExitStack, host: str) -> str:
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


def first_process(stack: ExitStack, host: str, folder: Path) -> int:
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


def legacy_programs(folder: Path) -> Path:
    """A folder with iptables-legacy under the names of iptables."""
    program = Path(require_program("xtables-legacy-multi", "apt-get install iptables"))
    made = folder / "legacy"
    made.mkdir()
    for name in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            (made / f"{name}{suffix}").symlink_to(program)
    return made


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
