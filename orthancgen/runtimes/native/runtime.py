"""The native runtime: programs of this host under a supervisor."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError, InputError
from orthancgen.plan.model import Plan
from orthancgen.release.lock import FileLock, LockStore
from orthancgen.release.survey import Survey
from orthancgen.runtimes.access import Access, stored_access
from orthancgen.runtimes.native import running
from orthancgen.runtimes.native.deploy import deploy
from orthancgen.runtimes.native.health import PROBES
from orthancgen.runtimes.native.logs import Follower
from orthancgen.runtimes.native.survey import require_plan, survey
from orthancgen.runtimes.proofs import noted
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.runtime import Deployed, ServiceStatus, Wanted
from orthancgen.runtimes.state import State, remove_folder

_FOLLOW_SECONDS: Final = 0.3
_NO_RELEASES: Final = "the native runtime keeps no releases: that is what runtime: compose does"


class NativeRuntime:
    """See :class:`orthancgen.runtimes.runtime.Runtime`."""

    def __init__(self, plan: Plan, state: State, environment_file: Path) -> None:
        del environment_file
        self.plan, self.state = plan, state

    def deploy(self, report: Report, wanted: Wanted) -> Deployed:
        """Start what changed under supervisor, then run the proofs: what they find is shown, not taken back."""
        if wanted.plan_id is not None:
            require_plan(wanted.plan_id, self.survey())
        deployed = deploy(self.plan, self.state, report, health_seconds=wanted.health_seconds, repair=wanted.repair)
        if not wanted.verify:
            return deployed
        from orthancgen.verify.run import run

        with noted(self.state):
            results = run(self.plan, deployed.access)
        return Deployed(deployed.access, deployed.started, deployed.changed_files, results=results)

    def access(self) -> Access:
        """Addresses of this host, and the secrets in use."""
        return stored_access(self.plan, self.state)

    def status(self) -> list[ServiceStatus]:
        """Asks the supervisor, and each service itself."""
        now = running.look(self.state)
        processes = now.supervisor.processes() if now.supervised else {}
        found = []
        for service in self.plan.services:
            process = processes.get(service.name)
            if process and process.pid:
                wrong = PROBES[service.name](self.plan, self.access())
            else:
                wrong = "runs without its supervisor" if service.name in now.services else "not running"
            found.append(
                ServiceStatus(
                    service.name,
                    process.state.lower() if process else "stopped",
                    wrong,
                    process.pid if process else 0,
                    process.uptime_seconds if process else 0,
                    tuple(listener.port for listener in service.listeners),
                )
            )
        return found

    def log_names(self) -> tuple[str, ...]:
        """The services, and the supervisor itself."""
        return (*self.plan.by_name, "supervisord")

    def logs(self, names: Collection[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
        """The log files of the state folder, over their rotation."""
        paths = {name: self.state.logs / f"{name}.log" for name in names or self.plan.by_name}
        try:
            found = any(path.exists() for path in paths.values())
        except OSError as error:
            raise DeployError(
                f"cannot read {self.state.logs}: {error.strerror}", hint="run as the user who deployed the environment"
            ) from None
        if not found:
            raise DeployError("there are no logs yet", hint=f"orthancgen deploy {self.plan.site.environment}")
        followers = {name: Follower(path) for name, path in paths.items()}
        try:
            for name, follower in followers.items():
                yield from ((name, line) for line in follower.last(lines))
            while follow:
                time.sleep(_FOLLOW_SECONDS)
                for name, follower in followers.items():
                    yield from ((name, line) for line in follower.added())
        finally:
            for follower in followers.values():
                follower.close()

    def down(self) -> list[str]:
        """Stop the services and their supervisor."""
        return running.stop(self.state)

    def purge(self) -> list[str]:
        """Remove the state folder, which has all of it."""
        self.down()
        return remove_folder(self.state)

    def restart(self, service: str, report: Report, health_seconds: float) -> None:
        """By the supervisor, which kills what does not end in time: a frozen process too."""
        running.restart(self.plan, self.state, service, report, health_seconds)

    def recover(self) -> str | None:
        """The next deploy does it, from its own copy of the last good state."""
        return None

    def lock_stores(self) -> tuple[LockStore, ...]:
        """A file in the state folder, which is on the host where everything runs."""
        return (FileLock(self.state.lock),)

    def survey(self) -> Survey:
        """What the next deploy would change; it keeps no releases, so the current one has no number.

        Raises:
            DeployError: programs are missing, or the state folder cannot be read.
            InputError: secrets are missing or unsafe.
        """
        return survey(self.plan, self.state, self.lock_stores())

    def rollback(self, number: int | None, report: Report, wanted: Wanted) -> Deployed:
        """It keeps no releases."""
        raise InputError(_NO_RELEASES, hint="deploy the earlier environment file; a failed deploy is taken back anyhow")
