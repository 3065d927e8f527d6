"""Deploy an environment under supervisor. What did not change is not touched; what fails is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError, OrthancgenError, RenderError
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.artifact import Bundle
from orthancgen.render.catalogue import render
from orthancgen.render.container_files import PEOPLE_FILE
from orthancgen.render.credentials import of_orthanc
from orthancgen.render.write import stage, write
from orthancgen.runtimes import ports
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.native import apps, database, health, models, systemd
from orthancgen.runtimes.native.account import SECRET_FILE, Account, check_storage, find_account, protect
from orthancgen.runtimes.native.programs import Programs, find_programs
from orthancgen.runtimes.native.record import (
    Record,
    fingerprint_secret,
    fingerprint_services,
    load_record,
    store_record,
)
from orthancgen.runtimes.native.running import START_ORDER, Running, end_orphans, look, stop_services
from orthancgen.runtimes.native.snapshot import Snapshot, link
from orthancgen.runtimes.native.state import locked, prepare
from orthancgen.runtimes.native.takeback import Undo, take_back
from orthancgen.runtimes.native.variables import service_programs, supervisor_variables
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.runtime import Deployed
from orthancgen.runtimes.state import State, cannot_use
from orthancgen.secrets.orthanc_file import orthanc_secret_document
from orthancgen.secrets.people_file import people_document
from orthancgen.secrets.store import SecretStore, gather
from orthancgen.secrets.value import SecretValue

HEALTH_SECONDS: Final = 60.0


def deploy(
    plan: Plan, state: State, report: Report, *, health_seconds: float = HEALTH_SECONDS, repair: bool = False
) -> Deployed:
    """Bring the plan to life; a second time changes nothing.

    With `repair`, every service is started anew, also where it seems to be as it should.

    Raises:
        DeployError: something is missing, taken or does not start. What was started is stopped again, and the
            configuration, secrets and services that were there before are back.
        InputError: secrets are missing or unsafe.
    """
    prepare(state)
    try:
        with locked(state):
            return _deploy(plan, state, report, health_seconds, repair=repair)
    except OSError as error:
        raise cannot_use(state, error) from None


@dataclass(frozen=True, slots=True)
class _Target:
    """What is wanted on this machine."""

    plan: Plan
    state: State
    bundle: Bundle
    access: Access
    programs: Programs
    apps: Mapping[apps.AppName, Path]
    account: Account | None
    fingerprints: Mapping[ServiceName, str]
    unit: str | None
    variables: Mapping[str, str]


def _deploy(plan: Plan, state: State, report: Report, health_seconds: float, *, repair: bool) -> Deployed:
    store = SecretStore(state.secrets)
    before = look(state)
    target = _resolve(plan, state, gather(plan, store), before, report)
    record = load_record(state.run / "deployed.json")
    snapshot = Snapshot.take(state)
    run = _Run(target, before, record, snapshot, report, health_seconds, repair)
    try:
        changed = run.apply()
    except BaseException as error:
        report.started("taking back")
        left = take_back(run.undo(snapshot), run.started)
        report.done("taking back", f"incomplete: {'; '.join(left)}" if left else "what was there before is there again")
        shown = cannot_use(state, error) if isinstance(error, OSError) else error
        if left and isinstance(shown, OrthancgenError):
            shown.message += "\nwhat could not be taken back:\n  " + "\n  ".join(left)
        raise shown from None
    snapshot.discard()
    store.settle()
    return Deployed(target.access, tuple(run.started), changed)


def _resolve(plan: Plan, state: State, secrets: Mapping[str, SecretValue], before: Running, report: Report) -> _Target:
    """Find everything that is needed, and refuse what cannot work, before anything is touched."""
    programs = find_programs(plan)
    systemd.require(plan)
    account, why_root = find_account(state)
    check_storage(plan, account)
    ports.require_free(plan.listeners, ours=before.pids)
    if why_root:
        report.done("Orthanc's user", f"root: {why_root}")
    hidden = [source.env for source in plan.site.secrets.values() if source.env]
    built = {
        name: apps.ensure_built(name, programs, state, report, hidden) for name in apps.APPS if name in plan.by_name
    }
    digests = models.check(plan, built["analysis"], report) if "analysis" in built else ""
    bundle = render(plan)
    unit = systemd.unit_text(plan, state) if systemd.is_wanted(plan) else None
    digest = systemd.unit_digest(plan, unit, secrets) if unit else ""
    return _Target(
        plan=plan,
        state=state,
        bundle=bundle,
        access=Access(plan, secrets, authorities=SecretStore(state.secrets).authorities),
        programs=programs,
        apps=built,
        account=account,
        fingerprints=fingerprint_services(plan, bundle, secrets, service_programs(programs, built), digests),
        unit=unit,
        variables=supervisor_variables(state, programs, account, digest),
    )


class _Run:
    """One run: from what is there to what is wanted."""

    def __init__(
        self,
        target: _Target,
        before: Running,
        record: Record,
        snapshot: Snapshot,
        report: Report,
        health_seconds: float,
        repair: bool,
    ) -> None:
        self._target, self._before, self._record = target, before, record
        self._report, self._health_seconds, self._repair = report, health_seconds, repair
        self._supervisor = before.supervisor
        self._new_supervisor = not before.supervised or dict(record.variables) != dict(target.variables)
        # After a run that was killed nobody knows which password the database has.
        self._known_password = "" if snapshot.left_over else record.database_password
        self._password_touched = snapshot.left_over
        self._stale = [name for name in START_ORDER if name in target.fingerprints and self._is_stale(name)]
        self.started: list[ServiceName] = []

    def _is_stale(self, name: ServiceName) -> bool:
        changed = self._record.fingerprints.get(name) != self._target.fingerprints[name]
        return self._repair or self._new_supervisor or changed or name not in self._before.services

    def undo(self, snapshot: Snapshot) -> Undo:
        """How to go back from where this run is now."""
        return Undo(
            before=self._before,
            record=self._record,
            snapshot=snapshot,
            protect=lambda: _protect(self._target),
            # A folder of secrets that is put back is another one than that which the unit hides.
            new_supervisor=self._new_supervisor or (self._target.unit is not None and snapshot.secrets_differ()),
            set_password=self._set_earlier_password if self._password_touched else None,
        )

    def _set_earlier_password(self, store: SecretStore) -> None:
        password = store.read(self._target.plan.site.backend.database.password.secret)
        if password:
            self._ensure_account(password)

    def apply(self) -> int:
        """Do it; returns how many files changed."""
        changed = self._configure()
        self._stop()
        self._set_database_password()
        if self._new_supervisor:
            self._supervisor.start(self._target.variables)
        elif changed:
            self._supervisor.reload()
        for name in START_ORDER:
            if name in self._target.fingerprints:
                self._bring_up(name)
        self._remember()
        return changed

    def _configure(self) -> int:
        """Put bundle, secrets and the links to the programs in place."""
        target = self._target
        self._report.started("configuration")
        try:
            changed = sum(change.state != "identical" for change in write(target.bundle, target.state.config))
        except RenderError as error:
            raise DeployError(
                error.message, hint="make room, or name a folder that you may write, with --state"
            ) from None
        SecretStore(target.state.secrets).place(target.access.secrets)
        changed += _write_secret_files(target.plan, target.state, target.access.secrets)
        _write_unit(target)
        _protect(target)
        for name, app in target.apps.items():
            link(target.state.run / name, app)
        self._report.done("configuration", f"{changed} files changed" if changed else "unchanged")
        return changed

    def _stop(self) -> None:
        """Stop what is out of date or not wanted any more."""
        end_orphans(self._before)
        if not self._before.supervised:
            return
        if self._new_supervisor:
            stop_services(self._supervisor, self._before.services)
            self._supervisor.shutdown()
        else:
            unwanted = [name for name in self._before.services if name not in self._target.fingerprints]
            stop_services(self._supervisor, [*self._stale, *unwanted])

    def _set_database_password(self) -> None:
        password = self._target.access.database_password if "database" in self._stale else None
        if password is None or self._known_password == fingerprint_secret(password):
            return
        self._report.started("database account")
        self._password_touched = True
        self._ensure_account(password)
        self._report.done("database account", "set")

    def _ensure_account(self, password: SecretValue) -> None:
        program, name = self._target.programs.secantusd, self._target.plan.site.backend.database.name
        if program:
            database.ensure_account(program, self._target.state, name, password)

    def _bring_up(self, name: ServiceName) -> None:
        title = self._target.plan.service(name).title
        self._report.started(title)
        # A reload stops what it replaces, which is more than what is stale when only the supervisor's part changed.
        if name in self._stale or not self._supervisor.processes()[name].pid:
            self.started.append(name)
            self._supervisor.start_service(name)
        log = self._target.state.logs / f"{name}.log"
        health.wait_healthy(name, self._target.plan, self._target.access, self._supervisor, log, self._health_seconds)
        self._report.done(title, "started" if name in self.started else "unchanged")

    def _remember(self) -> None:
        target = self._target
        has_database = "database" in target.fingerprints
        password = fingerprint_secret(target.access.database_password) if has_database else self._known_password
        record = Record(
            {str(name): digest for name, digest in target.fingerprints.items()}, dict(target.variables), password
        )
        if record != self._record:
            store_record(target.state.run / "deployed.json", record)


def _write_unit(target: _Target) -> None:
    """Put the unit of systemd beside the configuration, or take it away; the supervisor is started as that says."""
    place = systemd.file_of(target.state)
    if target.unit is None:
        place.unlink(missing_ok=True)
    elif not (place.is_file() and place.read_text(encoding="utf-8") == target.unit):
        stage(target.unit.encode(), place, 0o644).replace(place)


def _protect(target: _Target) -> None:
    """Owner and mode of everything; Orthanc reads its certificates and keys itself."""
    protect(target.state, target.account, of_orthanc(target.plan))


def _write_secret_files(plan: Plan, state: State, secrets: Mapping[str, SecretValue]) -> int:
    """What is made of secrets, of mode 0600: Orthanc's second file of configuration, and who may log in to the pages.

    Returns:
        How many files changed.
    """
    files = {SECRET_FILE: orthanc_secret_document(plan, secrets)}
    if plan.site.viewer.enabled:
        files[f"backend/{PEOPLE_FILE}"] = people_document(plan, secrets)
    changed = 0
    for name, content in files.items():
        target = state.config / name
        if not (target.is_file() and target.read_bytes() == content):
            stage(content, target, 0o600).replace(target)
            changed += 1
    return changed
