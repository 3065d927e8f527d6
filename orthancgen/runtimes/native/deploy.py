"""Deploy an environment under supervisor. What did not change is not touched; what fails is taken back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError, OrthancgenError
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.artifact import Bundle
from orthancgen.render.catalogue import render
from orthancgen.render.quoting import json_document
from orthancgen.render.write import stage, write
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.native import backend_app, database, health, ports
from orthancgen.runtimes.native.programs import Programs, find_programs
from orthancgen.runtimes.native.record import (
    Record,
    creation_time,
    end_orphans,
    fingerprint_secret,
    fingerprint_services,
    load_record,
    store_record,
)
from orthancgen.runtimes.native.state import State, locked, prepare
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.runtimes.report import Report
from orthancgen.secrets.store import SecretStore, materialise
from orthancgen.secrets.value import SecretValue

HEALTH_SECONDS: Final = 60.0
SECRET_FILE: Final = "orthanc/orthanc.secret.json"
BACKEND_LINK: Final = "backend"
START_ORDER: Final[tuple[ServiceName, ...]] = ("database", "orthanc", "backend")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deploy did: how to reach the services, which were started, how many files changed."""

    access: Access
    started: tuple[ServiceName, ...]
    changed_files: int


def deploy(plan: Plan, state: State, report: Report, *, health_seconds: float = HEALTH_SECONDS) -> Deployed:
    """Bring the plan to life; a second time changes nothing.

    Raises:
        DeployError: something is missing, taken or does not start. What was started is stopped again, and the
            configuration and services that were there before are back.
        InputError: secrets are missing or unsafe.
    """
    prepare(state)
    with locked(state):
        programs = find_programs(plan)
        secrets = materialise(plan, SecretStore(state.secrets))
        app = backend_app.ensure_built(programs, state, report) if "backend" in plan.by_name else None
        return _Deploy(plan, state, programs, app, Access(plan, secrets), report, health_seconds).run()


@dataclass(slots=True)
class _Deploy:
    plan: Plan
    state: State
    programs: Programs
    app: Path | None
    access: Access
    report: Report
    health_seconds: float
    bundle: Bundle = field(init=False)
    wanted: dict[ServiceName, str] = field(init=False)
    record: Record = field(init=False)
    supervisor: Supervisor = field(init=False)
    running: frozenset[str] = field(init=False)
    stale: tuple[ServiceName, ...] = field(init=False)
    new_supervisor: bool = field(init=False)

    def run(self) -> Deployed:
        self._look()
        self._check_ports()
        previous = _Snapshot.take(self.state)
        started: list[ServiceName] = []
        try:
            changed = self._configure()
            self._stop_stale()
            self._prepare_database()
            self._supervise(reload=changed > 0)
            for name in START_ORDER:
                if name in self.wanted:
                    self._bring_up(name, started)
        except BaseException:
            self._take_back(started, previous)
            raise
        previous.discard()
        self._remember()
        return Deployed(self.access, tuple(started), changed)

    def _look(self) -> None:
        """What is wanted, what runs, and what of it is out of date."""
        self.bundle = render(self.plan)
        self.record = load_record(self.state.run / "deployed.json")
        self.supervisor = Supervisor(self.state)
        self.wanted = fingerprint_services(self.plan, self.bundle, self.access.secrets, self._program_files())
        supervised = self.supervisor.running()
        if not supervised:
            end_orphans(self.record)
        processes = self.supervisor.processes() if supervised else {}
        self.running = frozenset(name for name, process in processes.items() if process.pid)
        self.new_supervisor = not supervised or dict(self.record.variables) != self._variables()
        self.stale = tuple(
            name
            for name in START_ORDER
            if name in self.wanted
            and (self.new_supervisor or name not in self.running or self.record.fingerprints.get(name) != self.wanted[name])
        )

    def _program_files(self) -> dict[ServiceName, Path]:
        files: dict[ServiceName, Path] = {"orthanc": self.programs.orthanc}
        if self.programs.secantusd:
            files["database"] = self.programs.secantusd
        if self.app:
            files["backend"] = self.app / "server.mjs"
        return files

    def _variables(self) -> dict[str, str]:
        return {
            "ORTHANCGEN_SOCKET": str(self.state.socket),
            "ORTHANCGEN_ORTHANC": str(self.programs.orthanc),
            "ORTHANCGEN_SECANTUSD": str(self.programs.secantusd or ""),
            "ORTHANCGEN_NODE": str(self.programs.node or ""),
        }

    def _check_ports(self) -> None:
        ours = {port for name in self.running for port in self.record.ports.get(name, ())}
        ports.require_free(
            listener for name in self.stale for listener in self.plan.service(name).listeners if listener.port not in ours
        )

    def _configure(self) -> int:
        """Put bundle, secret file and the link to the backend in place; returns how many files changed."""
        self.report.started("configuration")
        changed = sum(change.state != "identical" for change in write(self.bundle, self.state.config))
        changed += _write_secret_file(self.plan, self.state, self.access.secrets)
        if self.app:
            _link(self.state.run / BACKEND_LINK, self.app)
        self.report.done("configuration", f"{changed} files changed" if changed else "unchanged")
        return changed

    def _stop_stale(self) -> None:
        for name in reversed(START_ORDER):
            if name in self.running and (name in self.stale or name not in self.wanted):
                self.supervisor.stop_service(name)

    def _prepare_database(self) -> None:
        if "database" not in self.stale or self.programs.secantusd is None:
            return
        password = self.access.database_password
        if self.record.database_password == fingerprint_secret(password):
            return
        self.report.started("database account")
        database.ensure_account(
            self.programs.secantusd,
            self.state.data / "database",
            self.plan.site.backend.database.name,
            password,
            self.state.logs / "database.log",
        )
        self.report.done("database account", "set")

    def _supervise(self, *, reload: bool) -> None:
        if self.new_supervisor:
            if self.supervisor.running():
                self.supervisor.shutdown()
            self.supervisor.start(self._variables())
        elif reload:
            self.supervisor.reload()

    def _bring_up(self, name: ServiceName, started: list[ServiceName]) -> None:
        title = self.plan.service(name).title
        self.report.started(title)
        # A reload stops what it replaces, which is more than what is stale when only the supervisor's part changed.
        if name in self.stale or not self.supervisor.processes()[name].pid:
            started.append(name)
            self.supervisor.start_service(name)
        log = self.state.logs / f"{name}.log"
        health.wait_healthy(name, self.plan, self.access, self.supervisor, log, self.health_seconds)
        self.report.done(title, "started" if name in started else "unchanged")

    def _remember(self) -> None:
        processes = {"supervisor": self.supervisor.pid()}
        processes |= {name: process.pid for name, process in self.supervisor.processes().items() if process.pid}
        password = fingerprint_secret(self.access.database_password) if "database" in self.wanted else ""
        record = Record(
            dict(self.wanted),
            {service.name: [listener.port for listener in service.listeners] for service in self.plan.services},
            {name: (pid, created) for name, pid in processes.items() if (created := creation_time(pid)) is not None},
            self._variables(),
            password or self.record.database_password,
        )
        store_record(self.state.run / "deployed.json", record)

    def _take_back(self, started: list[ServiceName], previous: _Snapshot) -> None:
        """Stop what this run started and bring back what ran before; the first error is the one that is told."""
        with suppress(OSError, OrthancgenError, Exception):
            for name in reversed(started):
                self.supervisor.stop_service(name)
            previous.restore()
            if not self.running:
                self.supervisor.shutdown()
                return
            self.supervisor.reload()
            for name in START_ORDER:
                if name in self.running:
                    self.supervisor.stop_service(name) if name in started else None
                    if not self.supervisor.processes()[name].pid:
                        self.supervisor.start_service(name)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The configuration and the backend's link as they were, kept until the new ones have proven themselves."""

    state: State
    copy: Path
    app: Path | None

    @classmethod
    def take(cls, state: State) -> _Snapshot:
        copy = state.root / "config.previous"
        link = state.run / BACKEND_LINK
        try:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(state.config, copy)
            return cls(state, copy, link.readlink() if link.is_symlink() else None)
        except (OSError, shutil.Error) as error:
            reason = getattr(error, "strerror", None) or "see its permissions"
            raise DeployError(f"cannot copy the configuration in {state.root}: {reason}") from None

    def restore(self) -> None:
        failed = self.state.root / "config.failed"
        shutil.rmtree(failed, ignore_errors=True)
        self.state.config.rename(failed)
        self.copy.rename(self.state.config)
        shutil.rmtree(failed, ignore_errors=True)
        if self.app:
            _link(self.state.run / BACKEND_LINK, self.app)

    def discard(self) -> None:
        shutil.rmtree(self.copy, ignore_errors=True)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)


def _write_secret_file(plan: Plan, state: State, secrets: Mapping[str, SecretValue]) -> bool:
    """The second file of Orthanc's configuration, of mode 0600. Returns whether it changed."""
    values: dict[str, object] = {
        "RegisteredUsers": {account.user: secrets[account.secret].reveal() for account in plan.accounts}
    }
    if plan.site.webhook.enabled:
        values["OrthancGenSecrets"] = {"WebhookToken": secrets[plan.site.webhook.token.secret].reveal()}
    target = state.config / SECRET_FILE
    content = json_document(values).encode("ascii")
    try:
        if target.is_file() and target.read_bytes() == content and target.stat().st_mode & 0o777 == 0o600:
            return False
        stage(content, target, 0o600).replace(target)
    except OSError as error:
        raise DeployError(f"cannot write {target}: {error.strerror}") from None
    return True


def stop(state: State) -> list[str]:
    """Stop every service and the supervisor; data, secrets and configuration stay.

    Returns:
        The services that ran.

    Raises:
        DeployError: another run holds the environment, or a service does not end.
    """
    if not state.root.is_dir():
        return []
    with locked(state):
        supervisor = Supervisor(state)
        if not supervisor.running():
            end_orphans(load_record(state.run / "deployed.json"))
            return []
        running = [name for name, process in supervisor.processes().items() if process.pid]
        for name in reversed(START_ORDER):
            if name in running:
                supervisor.stop_service(name)
        supervisor.shutdown()
        return running
