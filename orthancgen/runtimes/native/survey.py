"""Look at an environment without touching it: what a deploy would change, and what does not run as it should."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orthancgen.errors import DeployError
from orthancgen.plan.model import Plan
from orthancgen.release.difference import Difference, ServiceChange, Side, compare
from orthancgen.release.drift import Drift
from orthancgen.release.lock import LockStore, holders
from orthancgen.release.survey import Survey
from orthancgen.render.artifact import Bundle, File
from orthancgen.render.catalogue import CATALOGUE, MANIFEST, render
from orthancgen.runtimes.native import apps, models, systemd
from orthancgen.runtimes.native.account import find_account
from orthancgen.runtimes.native.programs import find_programs
from orthancgen.runtimes.native.record import Record, fingerprint_secret, fingerprint_services, load_record
from orthancgen.runtimes.native.running import look
from orthancgen.runtimes.native.variables import UNIT, service_programs, supervisor_variables
from orthancgen.runtimes.report import Silent
from orthancgen.runtimes.state import State, cannot_use
from orthancgen.secrets.store import SecretStore, gather


def survey(plan: Plan, state: State, locks: tuple[LockStore, ...]) -> Survey:
    """Compare what is wanted, what the last deploy left, and what runs.

    Raises:
        DeployError: programs are missing, a model cannot be used, or the state folder cannot be read.
        InputError: secrets are missing or unsafe.
    """
    try:
        wanted = _wanted(plan, state)
        record = load_record(state.run / "deployed.json")
        before = _before(plan, state, record)
        difference = compare(before, wanted.side)
        difference = replace(difference, services=tuple(_services(difference, wanted, record)))
        found = tuple(_stopped(plan, state)) if before else ()
        if (state.withheld / "last-good").is_dir():
            found = (*found, Drift("file", "last-good", "no run that was cut off", "one", "deploy"))
    except OSError as error:
        raise cannot_use(state, error) from None
    return Survey(_plan_id(wanted, difference, found), None, difference, found, tuple(one for _, one in holders(locks)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    side: Side
    variables: Mapping[str, str]
    unbuilt: tuple[str, ...]


def _wanted(plan: Plan, state: State) -> _Wanted:
    programs = find_programs(plan)
    account, _ = find_account(state) if state.root.parent.is_dir() else (None, None)
    built = {name: apps.place(name, state) for name in apps.APPS if name in plan.by_name}
    bundle = render(plan)
    secrets = gather(plan, SecretStore(state.secrets), looking=True)
    files = service_programs(programs, built)
    unbuilt = tuple(name for name, app in built.items() if not apps.main_file(name, app).is_file())
    known = {name: path for name, path in files.items() if name not in unbuilt}
    of_models = models.check(plan, built["analysis"], Silent()) if "analysis" in known else ""
    found = fingerprint_services(plan, bundle, secrets, known, of_models)
    digests = {service.name: found.get(service.name, "not built yet") for service in plan.services}
    ordered: dict[str, str] = {str(name): digest for name, digest in digests.items()}
    hashes = {name: fingerprint_secret(value) for name, value in secrets.items()}
    users = {secret.name: secret.used_by for secret in plan.secrets}
    unit = systemd.unit_text(plan, state) if systemd.is_wanted(plan) else None
    side = Side(bundle, ordered, secrets=hashes, secret_users=users)
    digest = systemd.unit_digest(plan, unit, secrets) if unit else ""
    return _Wanted(side, supervisor_variables(state, programs, account, digest), unbuilt)


def _before(plan: Plan, state: State, record: Record) -> Side | None:
    """What the last deploy left; None before the first."""
    if not record.fingerprints:
        return None
    store = SecretStore(state.secrets)
    names = [path.name for path in sorted(state.secrets.iterdir()) if path.is_file()]
    values = {name: value for name in names if (value := store.read(name)) is not None}
    users = {secret.name: secret.used_by for secret in plan.secrets}
    return Side(
        _bundle(state.config),
        dict(record.fingerprints),
        # One that is not wanted any more stays where it is, and nobody reads it.
        secrets={name: fingerprint_secret(value) for name, value in values.items() if name in users},
        secret_users=users,
    )


def _bundle(folder: Path) -> Bundle:
    """The files of the bundle in use, as they are now, in the order of the catalogue."""
    try:
        names = json.loads((folder / MANIFEST).read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return Bundle(())
    services = {artifact.path: artifact.services for artifact in CATALOGUE}
    places = [(name, folder / name) for name in (*names, MANIFEST)]
    return Bundle(
        tuple(
            File(name, path.read_bytes(), path.stat().st_mode & 0o777, services.get(name, ()))
            for name, path in places
            if path.is_file()
        )
    )


def _services(difference: Difference, wanted: _Wanted, record: Record) -> Iterator[ServiceChange]:
    """The changes of services; those that only their program or their supervisor makes are among them."""
    told = {change.service: change for change in difference.services}
    anew = bool(record.variables) and dict(record.variables) != dict(wanted.variables)
    for name in wanted.side.digests:
        change = told.pop(name, None)
        if change and name in wanted.unbuilt:
            change = replace(change, why=(*change.why[:-1], "its program is built first"))
        if change is None and anew:
            change = ServiceChange(name, "restart", ("its supervisor is started anew",))
        if change:
            yield change
    yield from told.values()


def _stopped(plan: Plan, state: State) -> Iterator[Drift]:
    """Services that do not run."""
    now = look(state)
    for service in plan.services:
        if service.name not in now.services:
            yield Drift("health", f"service {service.name}", "running", "stopped", f"deploy {plan.site.environment}")
        elif not now.supervised:
            yield Drift("health", f"service {service.name}", "supervised", "alone", f"deploy {plan.site.environment}")


def _plan_id(wanted: _Wanted, difference: Difference, found: tuple[Drift, ...]) -> str:
    """A name for what would be done. Values that are generated only then are left out of it."""
    digest = hashlib.sha256()
    for file in wanted.side.bundle.files:
        digest.update(file.path.encode() + b"\0" + hashlib.sha256(file.content).digest())
    fresh = {name for name, kind in difference.secrets.items() if kind == "added"}
    secrets = {name: value for name, value in wanted.side.secrets.items() if name not in fresh}
    done = [str(change) for change in (*difference.files, *difference.services, *found)]
    # That of the unit is made of secrets, too.
    variables = {name: value for name, value in wanted.variables.items() if name != UNIT}
    digest.update(json.dumps([secrets, sorted(fresh), variables, done], sort_keys=True).encode())
    return digest.hexdigest()[:12]


def require_plan(plan_id: str, seen: Survey) -> None:
    """Refuse what was not shown.

    Raises:
        DeployError: something else would be applied than the plan of that id.
    """
    if plan_id != seen.plan_id:
        raise DeployError(
            f"the plan {plan_id} is not what would be applied now, which is {seen.plan_id}",
            hint="look at it: orthancgen plan",
        )
