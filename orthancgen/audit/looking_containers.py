"""What a compose file says of a container, in the several forms in which it may be said."""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import ComposeFile, ComposeService, EnvironmentValue, PublishedPort
from orthancgen.site.problems import KeyPath, Mark

DATABASES: Final = frozenset({"mongo", "postgres"})
"""Roles of services that keep records."""
_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(us|ms|s|m|h)")
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def place(service: ComposeService, *path: str | int) -> tuple[Mark, KeyPath]:
    """Where a key of a service is written, or the nearest place that encloses it; and its key path in the file."""
    node, _ = service.node.find(path)
    return node.key_mark or node.mark, (*service.path, *path)


def said(service: ComposeService, *path: str | int) -> Any:
    """The plain value at a key path of a service; None where there is none."""
    node, depth = service.node.find(path)
    return node.plain() if depth == len(path) else None


def is_true(value: object) -> bool:
    """Whether a value of a compose file means yes, as a boolean or as the text of a variable."""
    return value is True or (isinstance(value, str) and value.strip().lower() in {"true", "yes", "on", "1"})


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list, or one text alone; other values as they print."""
    if value is None:
        return ()
    if isinstance(value, list):
        return tuple(str(one) for one in value if one is not None)
    return (str(value),)


def words(value: object) -> tuple[str, ...]:
    """The words of a command, said as a list or as one line."""
    if not isinstance(value, str):
        return texts(value)
    try:
        return tuple(shlex.split(value))
    except ValueError:
        return tuple(value.split())


def seconds(value: object) -> float | None:
    """A duration such as ``1m30s`` in seconds; None where it is none.

    Source: https://docs.docker.com/reference/compose-file/extension/#specifying-durations
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    parts = _DURATION.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value.strip():
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def variable(service: ComposeService, name: str) -> EnvironmentValue | None:
    """A variable of a container, whose value may be unknown; None where it is not set, or set to nothing."""
    value = service.environment.get(name)
    return value if value is not None and value.value != "" else None


def lacks_variables(compose: ComposeFile, service: ComposeService) -> bool:
    """Whether a service takes variables from a file that is not here, so that what it is given is not known."""
    if said(service, "env_file") is None:
        return False
    return all(value.mark.file == compose.file for value in service.environment.values())


def ends_by_itself(compose: ComposeFile, service: ComposeService) -> bool:
    """Whether a container does one thing and ends: others wait for its end, or it is only started by hand."""
    if said(service, "restart") in ("no", False) and said(service, "profiles"):
        return True
    if said(service, "deploy", "restart_policy", "condition") == "none":
        return True
    return any(
        said(other, "depends_on", service.name, "condition") == "service_completed_successfully"
        for other in compose.services.values()
    )


def is_loopback(port: PublishedPort) -> bool:
    """Whether a port is published for programs of the host alone."""
    address = port.host_address.strip("[]")
    return address.startswith("127.") or address in {"::1", "localhost"}


def is_everywhere(port: PublishedPort) -> bool:
    """Whether a port is published on every address of the host."""
    return port.host_address.strip("[]") in {"", "0.0.0.0", "::", "*"}  # noqa: S104


def shown_port(port: PublishedPort) -> str:
    """A published port in words: ``port 2762``, or ``a free port`` where the engine chooses."""
    return "a port of the engine's choice" if port.host_port is None else f"port {port.host_port}"


def reached_from_outside(service: ComposeService) -> bool:
    """Whether other hosts reach a container by a published port, or because it is on the host's own network."""
    return said(service, "network_mode") == "host" or any(not is_loopback(port) for port in service.ports)


def orthanc_of(subject: Subject, service: ComposeService) -> Orthanc | None:
    """The Orthanc that runs in a service."""
    for orthanc in subject.orthancs:
        if subject.service_of(orthanc) is service:
            return orthanc
    return None


def uses(service: ComposeService, other: ComposeService) -> bool:
    """Whether a service has to do with another: it waits for it, or names it in a variable or its command."""
    waits = said(service, "depends_on")
    if isinstance(waits, dict | list) and other.name in waits:
        return True
    name = re.compile(rf"(?<![\w.-]){re.escape(other.name)}(?![\w-])")
    spoken = [value.value or "" for value in service.environment.values()]
    spoken += [*words(said(service, "command")), *words(said(service, "entrypoint"))]
    return any(name.search(text) for text in spoken)


def network_place(service: ComposeService, network: str) -> tuple[Mark, KeyPath]:
    """Where a service joins a network."""
    networks = said(service, "networks")
    if isinstance(networks, list) and network in networks:
        return place(service, "networks", networks.index(network))
    return place(service, "networks", network)
