"""Are the ports of the plan free, and if not, who has them?"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable

import psutil

from orthancgen.errors import PortTakenError
from orthancgen.plan.model import Listener
from orthancgen.site.problems import format_path


def require_free(listeners: Iterable[Listener]) -> None:
    """Check each listener.

    Raises:
        PortTakenError: names every port that is taken or not allowed, by whom, and the key that decides it.
    """
    problems = [f"{_name(one)}: {reason}" for one in listeners if (reason := _unusable(one)) is not None]
    if problems:
        raise PortTakenError(
            "ports cannot be used:\n  " + "\n  ".join(problems), hint="end that program, or choose another port at that key"
        )


def _name(listener: Listener) -> str:
    return f"port {listener.port} of {listener.name} ({format_path(listener.said_by)})"


def _unusable(listener: Listener) -> str | None:
    family = socket.AF_INET6 if ipaddress.ip_address(listener.address).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listener.address, listener.port))
            probe.listen(1)
        except PermissionError:
            return "ports below 1024 are for root"
        except OSError as error:
            owner = _owner(listener.port)
            return f"taken by {owner}" if owner else f"cannot be used on {listener.address}: {error.strerror}"
    return None


def _owner(port: int) -> str | None:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:
        return "another program"
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            try:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})" if connection.pid else "another program"
            except psutil.Error:
                return f"process {connection.pid}"
    return None
