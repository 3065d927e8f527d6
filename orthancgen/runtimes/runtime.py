"""What every runtime can do with an environment; ``RUNTIMES`` names them all."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, cast

from orthancgen.errors import InputError
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.release.lock import LockStore
from orthancgen.release.survey import Survey
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.state import State
from orthancgen.verify.result import CheckResult


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a deploy is to be done.

    Attributes:
        health_seconds: how long a service has to get healthy.
        verify: whether the proofs run.
        keep_failed: leave what failed as it is, for somebody to look at, instead of going back.
        plan_id: the plan that was shown; another one is refused. None where none was shown.
        reason: why it is done, for the history.
        repair: write every file anew and make every container anew, also where they seem to be as they should.
    """

    health_seconds: float = 60.0
    verify: bool = True
    keep_failed: bool = False
    plan_id: str | None = None
    reason: str | None = None
    repair: bool = False


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deploy did.

    Attributes:
        access: how the services are reached.
        started: the services that were started.
        changed_files: how many rendered or secret files changed.
        results: of the proofs; None where they did not run, because nothing changed or nobody wanted them.
        release: number of the release that runs now, where the runtime keeps releases.
        left_failed: what failed was left as it is, because that was wanted.
    """

    access: Access
    started: tuple[ServiceName, ...]
    changed_files: int
    results: tuple[CheckResult, ...] | None = None
    release: int | None = None
    left_failed: bool = False


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """A service as it is now.

    Attributes:
        service: its name.
        state: running, stopped, starting, ... in the runtime's own word.
        wrong: what is not healthy, or None.
        pid: of its process on the host it runs on; 0 where it does not run.
        container: short id of its container, for a runtime that has some.
        uptime_seconds: since its start.
        ports: on which it listens.
    """

    service: str
    state: str
    wrong: str | None
    pid: int
    uptime_seconds: int
    ports: tuple[int, ...] = ()
    container: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return {
            "service": self.service,
            "state": self.state,
            "healthy": self.wrong is None,
            "detail": self.wrong,
            "pid": self.pid,
            "container": self.container,
            "uptime_seconds": self.uptime_seconds,
            "ports": list(self.ports),
        }


class Runtime(Protocol):
    """One environment on one kind of runtime."""

    plan: Plan
    state: State

    def deploy(self, report: Report, wanted: Wanted) -> Deployed:
        """Bring the plan to life; a second time changes nothing. What fails is taken back.

        Raises:
            DeployError: it cannot be brought to life.
            InputError: secrets are missing or unsafe.
        """

    def access(self) -> Access:
        """How the services of the deployed environment are reached.

        Raises:
            DeployError: it was not deployed.
        """

    def status(self) -> list[ServiceStatus]:
        """Every service of the plan, in its order."""

    def log_names(self) -> tuple[str, ...]:
        """What :meth:`logs` can show."""

    def logs(self, names: Collection[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
        """Name of the service and line, in the order of their coming.

        Raises:
            DeployError: there are no logs, or they cannot be read.
        """

    def down(self) -> list[str]:
        """Stop every service; data, secrets and configuration stay. Returns the services that ran."""

    def purge(self) -> list[str]:
        """Stop every service and remove what :meth:`down` leaves: images, records, secrets, releases. They are gone.

        What the environment keeps in folders of the host that it names itself, outside its state folder, stays.

        Returns:
            What was removed: volumes by their names, the state folder by its path.

        Raises:
            DeployError: the environment is another state folder's, or something does not go.
        """

    def restart(self, service: str, report: Report, health_seconds: float) -> None:
        """End one service, however it hangs, start it again and wait until it is healthy. Data and files stay.

        Raises:
            DeployError: the environment is held by another run, the service does not run at all, or does not get
                healthy.
        """

    def rollback(self, number: int | None, report: Report, wanted: Wanted) -> Deployed:
        """Bring back an earlier release: that of the number, or the last good one before the current.

        Raises:
            InputError: there is none, or the runtime keeps none.
            DeployError: it cannot be brought back; what ran before runs.
        """

    def recover(self) -> str | None:
        """End what a run left that was cut off: forward where it had proven what it did, else back.

        Returns:
            What was done, or None where nothing was left.

        Raises:
            DeployError: it cannot be ended.
        """

    def lock_stores(self) -> tuple[LockStore, ...]:
        """Where the lock of the environment lies, in the order in which it is taken.

        Raises:
            DeployError: the engine cannot be reached.
        """

    def survey(self) -> Survey:
        """What a deploy would change, and what is not as the last one left it. Touches nothing.

        Raises:
            InputError: the runtime cannot tell.
            DeployError: the engine cannot be reached.
        """


RUNTIMES: Final[dict[str, str]] = {
    "native": "orthancgen.runtimes.native.runtime:NativeRuntime",
    "compose": "orthancgen.runtimes.compose.runtime:ComposeRuntime",
}
"""Name in the model -> module and class, imported when it is needed: native needs no Docker SDK."""

RENDERED_ALONE: Final[dict[str, str]] = {
    "swarm": "orthancgen render ENV, then docker stack deploy -c swarm/stack.yaml",
    "kubernetes": "orthancgen render ENV, then kubectl apply -k kubernetes/overlays/site",
}
"""Runtimes whose files orthancgen writes, and which others bring to life: how."""


def runtime_of(plan: Plan, state: State, environment_file: Path) -> Runtime:
    """The runtime that the environment names.

    Args:
        plan: of the environment.
        state: its folders.
        environment_file: where the environment was read from, for the history.

    Raises:
        InputError: orthancgen renders that runtime and does not run it.
    """
    if plan.site.runtime in RENDERED_ALONE:
        raise InputError(
            f"orthancgen renders the files of runtime: {plan.site.runtime}, and does not run them",
            hint=f"{RENDERED_ALONE[plan.site.runtime]}; see docs/scale.md",
        )
    module, name = RUNTIMES[plan.site.runtime].split(":")
    return cast("Runtime", getattr(importlib.import_module(module), name)(plan, state, environment_file))
