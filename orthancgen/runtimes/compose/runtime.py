"""The compose runtime: containers of one engine, under a lock, release by release."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError, InputError, StartError
from orthancgen.orthanc.keys import Version
from orthancgen.plan.model import Plan
from orthancgen.release.audit_log import AuditLog
from orthancgen.release.engine_lock import EngineLock
from orthancgen.release.journal import Journal
from orthancgen.release.lock import FileLock, Lock, LockStore
from orthancgen.release.model import Image, Source
from orthancgen.release.source import source_of
from orthancgen.release.store import ReleaseStore
from orthancgen.release.survey import Survey
from orthancgen.release.who import who_am_i
from orthancgen.render.artifact import Bundle
from orthancgen.render.container_files import project_name
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.compose import takeback
from orthancgen.runtimes.compose.access import access_of
from orthancgen.runtimes.compose.container import Container
from orthancgen.runtimes.compose.deploy import Run, apply, difference
from orthancgen.runtimes.compose.engine import Engine, connect
from orthancgen.runtimes.compose.images import ensure_images, look_for_images
from orthancgen.runtimes.compose.live import Live, require_own
from orthancgen.runtimes.compose.pins import Pin, lock_path, read_lock
from orthancgen.runtimes.compose.purge import purge
from orthancgen.runtimes.compose.target import Target, resolve
from orthancgen.runtimes.proofs import noted
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.runtime import Deployed, ServiceStatus, Wanted
from orthancgen.runtimes.state import State, cannot_use, remove_folder
from orthancgen.secrets.store import SecretStore, gather
from orthancgen.verify.result import CheckResult

_SHORT_ID: Final = 12
_WAIT_SECONDS: Final = 0.5
TargetOf = Callable[[Report, str | None], Target]


class ComposeRuntime:
    """See :class:`orthancgen.runtimes.runtime.Runtime`."""

    def __init__(self, plan: Plan, state: State, environment_file: Path) -> None:
        self.plan, self.state, self.environment_file = plan, state, environment_file

    @cached_property
    def engine(self) -> Engine:
        """The engine that Docker's own settings name (`DOCKER_HOST`, context).

        Raises:
            EngineError: it cannot be used.
        """
        return connect(environment=self.plan.site.environment, need_compose=False)

    @property
    def pins(self) -> dict[str, Pin]:
        """What the lock file of the environment says of its images.

        Raises:
            InputError: it cannot be read.
        """
        return read_lock(lock_path(self.environment_file))

    @property
    def releases(self) -> ReleaseStore:
        """What was deployed."""
        return ReleaseStore(self.state.root)

    @property
    def audit(self) -> AuditLog:
        """What was done, by whom."""
        return AuditLog(self.state.audit_log)

    @property
    def store(self) -> SecretStore:
        """The secrets."""
        return SecretStore(self.state.secrets)

    @contextmanager
    def locked(self, verb: str, reason: str | None) -> Iterator[None]:
        """Hold the environment on this machine and on its engine; a signal gives it back, a kill does not.

        Raises:
            LockedError: somebody holds it.
        """
        with Lock.acquire(self.plan.site.environment, verb, reason or "", self.lock_stores()):
            yield

    def lock_stores(self) -> tuple[LockStore, ...]:
        """The state folder, and the engine: it is the same for whoever uses it from elsewhere."""
        engine = EngineLock(self.engine.client, self.plan.site.environment)
        return FileLock(self.state.lock), engine

    def survey(self) -> Survey:
        """What a deploy would change, and what was changed by hand. Nothing is touched."""
        from orthancgen.runtimes.compose.survey import survey

        try:
            return survey(self._looked_at(), self.engine, self.releases, self.lock_stores())
        except OSError as error:
            raise cannot_use(self.state, error) from None

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            DeployError: they cannot be made, or are another user's.
        """
        try:
            for folder in (self.state.root, self.state.secrets):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                folder.chmod(0o700)
        except OSError as error:
            raise cannot_use(self.state, error) from None

    def deploy(self, report: Report, wanted: Wanted) -> Deployed:
        """Start what changed; what fails its health or its proofs is taken back."""
        self.prepare()
        unchanged = None if wanted.repair else self._unchanged(report, wanted)
        return unchanged or self._change("deploy", report, wanted, self.target)

    def _unchanged(self, report: Report, wanted: Wanted) -> Deployed | None:
        """The answer where everything is as it is wanted, which needs no lock: nothing is touched."""
        current = self.releases.current()
        if current is None or Journal.resume(self.state.journal) is not None:
            return None
        target = self.target(report, None)
        live = Live.look(self.engine, self.plan.site.environment)
        if difference(self.releases, target, current, live) is not None or wanted.plan_id is not None:
            return None
        report.done("services", f"unchanged since release {current.number}")
        return Deployed(access_of(self.plan, self.state, self.engine), (), 0, release=current.number)

    def rollback(self, number: int | None, report: Report, wanted: Wanted) -> Deployed:
        """Bring back an earlier release, with the secrets of today.

        Raises:
            InputError: there is no such release.
            DeployError: Orthanc's index is past what that release can open, or it does not start.
        """
        releases = self.releases
        current = releases.current()
        wanted_release = releases.get(number) if number is not None else releases.previous_good()
        if current is None or wanted_release is None:
            raise InputError(
                "there is no earlier good release to go back to",
                hint=f"orthancgen history {self.plan.site.environment}",
            )
        self.plan = takeback.plan_of(releases, wanted_release.number)
        newer = Version.parse(current.draft.orthanc)
        takeback.refuse_upgraded_index(self.plan.version, newer, current.index_schema)
        bundle = releases.bundle(wanted_release.number)

        def target(report: Report, reason: str | None) -> Target:
            found = self.target(report, reason, bundle=bundle, images=wanted_release.draft.images)
            return found.restoring(wanted_release.number, current.number)

        return self._change("rollback", report, wanted, target)

    def _change(self, verb: str, report: Report, wanted: Wanted, resolve_target: TargetOf) -> Deployed:
        self.engine.require_compose()
        try:
            with self.locked(verb, wanted.reason):
                done = takeback.recover(self.engine, self.releases, self.store, self.state)
                if done:
                    report.done("an earlier run was cut off", done)
                # As it was shown: before secrets are made and images fetched.
                now = self._plan_id(self._looked_at()) if wanted.plan_id is not None else None
                if wanted.plan_id != now:
                    raise DeployError(
                        f"the plan {wanted.plan_id} is not what would be applied now, which is {now}: "
                        "the environment, its secrets, its images or what runs changed since it was shown",
                        hint=f"orthancgen plan {self.plan.site.environment}",
                    )
                target = resolve_target(report, wanted.reason or "")
                run = Run(self.engine, self.releases, self.store, self.audit, report, wanted, verb)
                return apply(run, target, self._verify if wanted.verify else None)
        except OSError as error:
            raise cannot_use(self.state, error) from None

    def _verify(self, plan: Plan, access: Access) -> tuple[CheckResult, ...]:
        from orthancgen.verify.run import run

        with noted(self.state):
            return run(plan, access)

    def _plan_id(self, target: Target) -> str:
        from orthancgen.runtimes.compose.survey import survey

        return survey(target, self.engine, self.releases, ()).plan_id

    def target(
        self,
        report: Report,
        reason: str | None,
        *,
        bundle: Bundle | None = None,
        images: Mapping[str, Image] | None = None,
    ) -> Target:
        """What is wanted now, down to each byte. Nothing is touched but that images are fetched or built."""
        return resolve(
            self.plan,
            self.state,
            gather(self.plan, self.store),
            images if images is not None else ensure_images(self.plan, self.engine, report, self.pins),
            who=who_am_i(),
            source=source_of(self.environment_file) if reason is not None else Source(str(self.environment_file)),
            reason=reason or "",
            bundle=bundle,
        )

    def _looked_at(self) -> Target:
        """The same, and nothing is touched: what would be made or fetched is named as that."""
        return resolve(
            self.plan,
            self.state,
            gather(self.plan, self.store, looking=True),
            look_for_images(self.plan, self.engine, self.pins),
            who=who_am_i(),
            source=Source(str(self.environment_file)),
            looking=True,
        )

    def restart(self, service: str, report: Report, health_seconds: float) -> None:
        """By the engine; its own health check says when the container is well."""
        project = project_name(self.plan.site.environment)
        with self.locked("restart", service):
            container = self.engine.containers(project).get(service)
            if container is None:
                raise DeployError(
                    f"there is no container of {service}", hint=f"orthancgen deploy {self.plan.site.environment}"
                )
            title = self.plan.by_name[service].title if service in self.plan.by_name else service
            report.started(title)
            self.engine.restart(container.id)
            deadline = time.monotonic() + health_seconds
            while (wrong := self._wrong_now(project, service)) is not None:
                if time.monotonic() > deadline:
                    raise StartError(
                        f"{title} did not get healthy: {wrong}",
                        hint=f"orthancgen logs {self.plan.site.environment} {service}",
                    )
                time.sleep(_WAIT_SECONDS)
            report.done(title, "started anew")

    def _wrong_now(self, project: str, service: str) -> str | None:
        container = self.engine.containers(project).get(service)
        return "its container is gone" if container is None else self._wrong(container)

    def recover(self) -> str | None:
        """End what a run left that was cut off. Returns what was done, or None where nothing was left."""
        if not self.state.root.exists() or Journal.resume(self.state.journal) is None:
            return None
        self.engine.require_compose()
        with self.locked("recover", None):
            return takeback.recover(self.engine, self.releases, self.store, self.state)

    def access(self) -> Access:
        """By the published ports, and the bridge of the database."""
        return access_of(self.plan, self.state, self.engine)

    def status(self) -> list[ServiceStatus]:
        """Asks the engine; its own health checks say how each service is."""
        live = Live.look(self.engine, self.plan.site.environment)
        found = []
        for service in self.plan.services:
            container = live.containers.get(service.name)
            ports = tuple(listener.port for listener in service.listeners)
            if container is None:
                found.append(ServiceStatus(service.name, "stopped", "not running", 0, 0, ports))
                continue
            uptime, name = container.uptime_seconds, container.id[:_SHORT_ID]
            wrong = self._wrong(container)
            found.append(
                ServiceStatus(service.name, container.status, wrong, container.pid, uptime, ports, container=name)
            )
        return found

    def _wrong(self, container: Container) -> str | None:
        if container.status != "running":
            return f"its container is {container.status}"
        if container.health != "starting":
            return None if container.health in {"healthy", None} else container.health
        # The engine's first look is to come; ask as it would.
        test = (container.attributes["Config"].get("Healthcheck") or {}).get("Test") or []
        code, said = self.engine.execute(container.id, test[1:])
        return None if code == 0 else said.strip() or "unhealthy"

    def log_names(self) -> tuple[str, ...]:
        """The services."""
        return tuple(self.plan.by_name)

    def logs(self, names: Collection[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
        """What the containers wrote, as the engine kept it."""
        project = project_name(self.plan.site.environment)
        if not self.engine.containers(project):
            raise DeployError("there are no logs yet", hint=f"orthancgen deploy {self.plan.site.environment}")
        yield from self.engine.follow(project, tuple(names) or self.log_names(), lines, follow=follow)

    def down(self) -> list[str]:
        """Stop and remove the containers and networks; volumes stay."""
        environment = self.plan.site.environment
        running = [
            name for name, one in self.engine.containers(project_name(environment)).items() if one.status == "running"
        ]
        if not self.state.root.exists():
            return []
        with self.locked("down", None):
            takeback.recover(self.engine, self.releases, self.store, self.state)
            self.engine.remove_project(project_name(environment))
        return running

    def purge(self) -> list[str]:
        """Remove the volumes and the state folder, after :meth:`down`; nothing without the folder that they are of."""
        environment = self.plan.site.environment
        if not self.state.root.exists():
            return []
        require_own(Live.look(self.engine, environment), self.state, environment)
        current = self.releases.current()
        image = next(iter(current.draft.images.values())).id if current else None
        self.down()
        removed = purge(self.engine, environment, self.state, image)
        return removed + remove_folder(self.state)
