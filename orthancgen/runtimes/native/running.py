"""What runs of an environment, in which order it starts, and how it is stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from orthancgen.errors import DeployError, StartError
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.runtimes.access import stored_access
from orthancgen.runtimes.native import health, orphans, systemd
from orthancgen.runtimes.native.state import locked
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.state import State, cannot_use

START_ORDER: Final[tuple[ServiceName, ...]] = ("database", "orthanc", "backend", "analysis", "viewer")
_STOP_ORDER: Final[tuple[tuple[ServiceName, ...], ...]] = (
    ("viewer",), ("backend",), ("analysis",), ("orthanc", "database"),
)  # fmt: skip
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


def restart(plan: Plan, state: State, name: str, report: Report, health_seconds: float) -> None:
    """End one service and start it again; supervisor kills what does not end in time.

    Raises:
        DeployError: another run holds the environment, nothing runs of it, or the service does not get healthy.
    """
    service = plan.by_name.get(name)
    if service is None:
        raise DeployError(f"the environment {plan.site.environment} has no service {name}")
    try:
        with locked(state):
            now = look(state)
            if not now.supervised:
                raise DeployError(
                    f"nothing runs of {plan.site.environment}", hint=f"orthancgen deploy {plan.site.environment}"
                )
            report.started(service.title)
            _thaw(now.supervisor, name)
            now.supervisor.stop_services([name])
            now.supervisor.start_service(name)
            access = stored_access(plan, state)
            log = state.logs / f"{name}.log"
            health.wait_healthy(service.name, plan, access, now.supervisor, log, health_seconds)
            report.done(service.title, "started anew")
    except OSError as error:
        raise cannot_use(state, error) from None


def _thaw(supervisor: Supervisor, name: str) -> None:
    """A stopped process (SIGSTOP) can end in good order only once it goes on."""
    process = supervisor.processes().get(name)
    if process and process.pid:
        with suppress(OSError):
            os.kill(process.pid, signal.SIGCONT)


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
            systemd.forget(state)
            end_orphans(running)
            return [name for name in START_ORDER if name in running.services]
    except OSError as error:
        raise cannot_use(state, error) from None
