"""Are the ports of the plan free, and if not, who has them?"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Collection, Iterable

from orthancgen.errors import PortTakenError
from orthancgen.plan.model import Listener
from orthancgen.site.problems import format_path


def require_free(listeners: Iterable[Listener], ours: Collection[int] = ()) -> None:
    """Check each listener.

    Args:
        listeners: what is to listen.
        ours: ids of the processes that this run may stop: what they hold is free.

    Raises:
        PortTakenError: names every port that is taken or not allowed, by whom, and the key that decides it.
    """
    problems = [f"{_name(one)}: {reason}" for one in listeners if (reason := _unusable(one, ours)) is not None]
    if problems:
        raise PortTakenError(
            "ports cannot be used:\n  " + "\n  ".join(problems),
            hint="end that program, or choose another port at that key",
        )


def _name(listener: Listener) -> str:
    return f"port {listener.port} of {listener.name} ({format_path(listener.said_by)})"


def _unusable(listener: Listener, ours: Collection[int]) -> str | None:
    family = socket.AF_INET6 if ipaddress.ip_address(listener.address).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listener.address, listener.port))
            probe.listen(1)
        except PermissionError:
            return "ports below 1024 are for root"
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return f"cannot be used on {listener.address}: {error.strerror}"
            owners = _owners(listener.port)
            return f"taken by {_described(owners - set(ours))}" if not owners or owners - set(ours) else None
    return None


def _owners(port: int) -> set[int]:
    """Ids of the processes that listen on a port; without those of others, where the system does not tell."""
    import psutil

    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return set()
    return {
        one.pid or 0 for one in connections if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port
    }


def _described(pids: Collection[int]) -> str:
    import psutil

    for pid in pids:
        if pid:
            try:
                return f"process {pid} ({psutil.Process(pid).name()})"
            except psutil.Error:
                return f"process {pid}"
    return "a program of another user"
