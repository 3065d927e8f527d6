"""The parts of a service of a compose file: its ports, mounts, networks and secrets, in their short and long forms.

Source: https://docs.docker.com/reference/compose-file/services/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from orthancgen.foreign.model import Mount, PublishedPort
from orthancgen.foreign.yaml_tree import truth
from orthancgen.site.problems import KeyPath
from orthancgen.site.tree import Node

MAXIMUM_PORTS: Final = 1000
"""Ports of one range that are looked at."""

_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")


def members(node: Node | None) -> dict[str, Node]:
    """The members of a mapping; none where it is something else."""
    return node.value if node is not None and isinstance(node.value, dict) else {}


def items(node: Node | None) -> list[Node]:
    """The items of a list; none where it is something else."""
    return node.value if node is not None and isinstance(node.value, list) else []


def text(node: Node | None) -> str:
    """A scalar as Compose takes it where a text is expected; "" where there is none."""
    if node is None or node.value is None or isinstance(node.value, dict | list):
        return ""
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    return str(node.value)


def published_ports(service: Node, path: KeyPath) -> Iterator[PublishedPort]:
    """Each port of the host that leads into the container."""
    for index, entry in enumerate(items(members(service).get("ports"))):
        here = (*path, "ports", index)
        if isinstance(entry.value, dict):
            yield from _long_port(entry, here)
        elif entry.value is not None:
            yield from _short_port(text(entry), entry, here)


def _long_port(entry: Node, path: KeyPath) -> Iterator[PublishedPort]:
    of = members(entry)
    target = _RANGE.fullmatch(text(of.get("target")))
    if target is None:
        return
    yield from _expand(text(of.get("host_ip")), text(of.get("published")), target[0],
                       text(of.get("protocol")) or "tcp", entry, path)  # fmt: skip


def _short_port(written: str, entry: Node, path: KeyPath) -> Iterator[PublishedPort]:
    rest, _, protocol = written.partition("/")
    head, _, container = rest.rpartition(":")
    if head.startswith("["):
        address, _, host = head[1:].partition("]")
        host = host.lstrip(":")
    else:
        address, _, host = head.rpartition(":")
    if _RANGE.fullmatch(container):
        yield from _expand(address, host, container, protocol or "tcp", entry, path)


def _expand(
    address: str, host: str, container: str, protocol: str, entry: Node, path: KeyPath
) -> Iterator[PublishedPort]:
    targets, hosts = _range(container), _range(host)
    for index, target in enumerate(targets):
        # One container port may lead to any of a range of host ports: the first stands for it.
        published = hosts[index] if index < len(hosts) else None
        yield PublishedPort(address.strip("[]"), published, target, protocol.lower(), entry.mark, path)


def _range(written: str) -> list[int]:
    found = _RANGE.fullmatch(written)
    if found is None:
        return []
    first = int(found[1])
    last = int(found[2] or first)
    return list(range(first, min(last, first + MAXIMUM_PORTS - 1) + 1))


def mounts(service: Node, path: KeyPath) -> Iterator[Mount]:
    """What the container sees of folders of the host, volumes and memory."""
    of = members(service)
    for index, entry in enumerate(items(of.get("volumes"))):
        here = (*path, "volumes", index)
        if isinstance(entry.value, dict):
            yield _long_mount(entry, here)
        elif entry.value is not None:
            yield _short_mount(text(entry), entry, here)
    tmpfs = of.get("tmpfs")
    many = tmpfs is not None and isinstance(tmpfs.value, list)
    listed = items(tmpfs) if many else [tmpfs] if tmpfs is not None else []
    for index, entry in enumerate(listed):
        target = text(entry).partition(":")[0]
        if target:
            yield Mount("tmpfs", "", target, "ro" in text(entry).split(","), entry.mark,
                        (*path, "tmpfs", *((index,) if many else ())))  # fmt: skip


def _long_mount(entry: Node, path: KeyPath) -> Mount:
    of = members(entry)
    said = text(of.get("type")) or "volume"
    kind: Literal["bind", "volume", "tmpfs"] = "bind" if said == "bind" else "tmpfs" if said == "tmpfs" else "volume"
    read_only = of.get("read_only")
    target = text(of.get("target")) or text(of.get("destination")) or text(of.get("dst"))
    source = text(of.get("source")) or text(of.get("src"))
    return Mount(kind, source, target, read_only is not None and truth(read_only.value), entry.mark, path)


def _short_mount(written: str, entry: Node, path: KeyPath) -> Mount:
    drive = _WINDOWS.match(written)
    start = drive.end() if drive else 0
    # A colon within ${NAME:...} belongs to a variable whose value is not known.
    brace = written.rfind("}")
    source, colon, rest = _split(written, max(start, brace + 1 if written.startswith("${") else 0))
    if not colon:
        return Mount("volume", "", written, read_only=False, mark=entry.mark, path=path)
    target, _, options = rest.partition(":")
    bind = source.startswith((".", "/", "~", "\\", "$")) or drive is not None
    return Mount("bind" if bind else "volume", source, target, "ro" in options.split(","), entry.mark, path)


def _split(written: str, start: int) -> tuple[str, str, str]:
    colon = written.find(":", start)
    return (written, "", "") if colon < 0 else (written[:colon], ":", written[colon + 1 :])


def networks(service: Node) -> tuple[str, ...]:
    """Names of the service's networks; none where it has the host's, or another container's."""
    of = members(service)
    if "network_mode" in of:
        return ()
    named = of.get("networks")
    names = tuple(members(named)) or tuple(text(item) for item in items(named))
    return names or ("default",)


def granted(service: Node, key: Literal["secrets", "configs"]) -> Iterator[tuple[str, str, Node]]:
    """Each secret or config that the service is given: its name, its place in the container, and where it says so."""
    for entry in items(members(service).get(key)):
        of = members(entry)
        name = text(of.get("source")) if of else text(entry)
        target = text(of.get("target"))
        folder = "/run/secrets/" if key == "secrets" else "/"
        yield name, target if target.startswith("/") else folder + (target or name), entry
