"""What runs of an environment, in which order it starts, and how it is stopped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from orthancgen.errors import StartError
from orthancgen.plan.model import ServiceName
from orthancgen.runtimes.native import orphans
from orthancgen.runtimes.native.state import locked
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.runtimes.state import State, cannot_use

START_ORDER: Final[tuple[ServiceName, ...]] = ("database", "orthanc", "backend", "viewer")
_STOP_ORDER: Final[tuple[tuple[ServiceName, ...], ...]] = (("viewer",), ("backend",), ("orthanc", "database"))
"""Those of one group stop at once; first those that use the others."""


@dataclass(frozen=True, slots=True)
class Running:
    """What runs of an environment.

    Attributes:
        state: the environment.
        supervisor: its supervisor, whether it runs or not.
        services: names of the services that run.
        supervised: process ids, where the supervisor runs.
        orphaned: process ids of what no supervisor looks after: it was killed, or the run that started them was.
    """

    state: State
    supervisor: Supervisor
    services: frozenset[str]
    supervised: tuple[int, ...]
    orphaned: tuple[int, ...]

    @property
    def pids(self) -> tuple[int, ...]:
        """Every process of the environment."""
        return self.supervised + self.orphaned


def look(state: State) -> Running:
    """What runs now.

    Raises:
        DeployError: it belongs to another user.
    """
    supervisor = Supervisor(state)
    found = orphans.find(state)
    if supervisor.running():
        services = frozenset(name for name, process in supervisor.processes().items() if process.pid)
        strays = [pid for pid, name in found.items() if not name and pid != supervisor.pid()]
        return Running(state, supervisor, services, tuple(found.keys() - strays), tuple(strays))
    return Running(state, supervisor, frozenset(name for name in found.values() if name), (), tuple(found))


def stop_services(supervisor: Supervisor, names: Collection[str]) -> None:
    """Stop services in their order and wait for their end.

    Raises:
        StartError: one of them does not end.
    """
    for group in _STOP_ORDER:
        supervisor.stop_services([name for name in group if name in names])


def end_orphans(running: Running) -> None:
    """End what outlived its supervisor.

    Raises:
        StartError: some of it does not end.
    """
    if left := orphans.end(running.orphaned):
        raise StartError(
            f"processes of an earlier run do not end: {', '.join(map(str, left))}", hint="end them by hand"
        )


def stop(state: State) -> list[str]:
    """Stop every service and the supervisor; data, secrets and configuration stay.

    Returns:
        The services that ran.

    Raises:
        DeployError: another run holds the environment, it belongs to another user, or a service does not end.
    """
    try:
        if not state.root.exists():
            return []
        with locked(state):
            running = look(state)
            if running.supervised:
                stop_services(running.supervisor, running.services)
                running.supervisor.shutdown()
            end_orphans(running)
            return [name for name in START_ORDER if name in running.services]
    except OSError as error:
        raise cannot_use(state, error) from None
