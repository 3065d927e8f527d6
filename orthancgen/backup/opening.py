"""From an environment to its repository: the lock of this machine, the password, and what was there before."""

from __future__ import annotations

import datetime
import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from orthancgen.backup.job import Jobs
from orthancgen.backup.make import new_run_id
from orthancgen.backup.repository import AbsentError, Repository, WrongPasswordError
from orthancgen.errors import BackupError, InputError, LockedError
from orthancgen.plan.model import Plan
from orthancgen.release.disk import load, to_json, writing
from orthancgen.release.disk import replace as write
from orthancgen.render.container_files import project_name
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.images import ensure_backup_image
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.state import State
from orthancgen.secrets.store import SecretStore, gather
from orthancgen.secrets.value import SecretValue

OPENED_WITH: Final = "opened_with"


@dataclass(frozen=True, slots=True)
class Known:
    """What this machine knows of repositories (``backup/repositories.json`` of the state folder).

    Attributes:
        since: place -> when it was made or first opened from here.
    """

    since: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def alone(state: State) -> Iterator[None]:
    """Nobody else on this machine backs up or restores the environment meanwhile; a kill gives it back.

    Raises:
        LockedError: somebody does.
    """
    path = state.root / "backup" / "lock"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = path.open("ab")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LockedError(
                "another backup or restore of this environment is at work on this machine",
                hint="wait for its end; orthancgen backup ENV --list shows what is there",
            ) from None
        yield


def require_settings(plan: Plan) -> None:
    """Refuse an environment without backups.

    Raises:
        InputError: it names no repository, or does not run in containers.
    """
    if plan.site.backup.repository is None:
        raise InputError(
            f"{plan.site.environment} has no backup: it names no repository",
            hint="backup: {repository: /srv/backup}, a folder of the engine's host or the address of restic's store",
        )
    if plan.site.runtime != "compose":
        raise InputError(
            f"backups are made of environments in containers, and {plan.site.environment} is {plan.site.runtime}",
            hint="runtime: compose; of a native environment, stop it and copy its state folder",
        )


def passwords(plan: Plan, state: State, *, make: bool) -> tuple[dict[str, SecretValue], bool]:
    """The secrets of the repository, by name, and whether its password was made just now.

    Args:
        plan: of the environment.
        state: its folders.
        make: whether a password that nobody knows yet is generated.

    Raises:
        InputError: a source is missing, empty or unsafe.
        DeployError: the state folder cannot be used.
    """
    wanted = [secret for secret in plan.secrets if secret.said_by[0] == "backup"]
    store = SecretStore(state.secrets)
    values = gather(replace(plan, secrets=tuple(wanted)), store)
    name = plan.site.backup.password.secret
    made = name not in plan.site.secrets and store.read(name) is None and store.waiting(name) is None
    if made and not make:
        raise InputError(
            f"this machine does not know the password of the repository: there is no secret {name}",
            hint="orthancgen restore ENV --password-file FILE, or name its place under `secrets:`",
        )
    if made:
        store.write(name, values[name])
    return values, made


def repository_of(
    plan: Plan, state: State, engine: Engine, report: Report, values: Mapping[str, SecretValue]
) -> Repository:
    """The repository, not looked at yet.

    Raises:
        ImageError: the image of the backup's programs cannot be had.
    """
    settings = plan.site.backup
    image = ensure_backup_image(plan, engine, report)
    run_id = new_run_id(datetime.datetime.now(datetime.UTC))
    jobs = Jobs(engine, image.id, plan.site.environment, run_id)
    credentials = {name: values[reference.secret] for name, reference in settings.environment.items()}
    cache = f"{project_name(plan.site.environment)}-backup-cache"
    return Repository(jobs, settings, values[settings.password.secret], credentials, cache)


def open_repository(repository: Repository, state: State, *, make: bool, anew: bool = False) -> bool:
    """Open the repository with the password of today, or with the one before, which is then replaced.

    Args:
        repository: see :func:`repository_of`.
        state: of the environment.
        make: whether it is made where there is none.
        anew: make it also where there was one before.

    Returns:
        Whether it was made.

    Raises:
        BackupError: it is not there though it was, its password is another one, or it cannot be reached.
    """
    folder = state.root / "backup"
    file = folder / "repositories.json"
    known = load(Known, file, "what is known of the repository", f"remove {file}") or Known()
    before = SecretStore(folder)
    made = False
    try:
        there = repository.exists()
    except WrongPasswordError:
        earlier = before.read(OPENED_WITH)
        if earlier is None or earlier == repository.password:
            raise
        replace(repository, password=earlier).change_password(repository.password)
        there = True
    if not there:
        if not make:
            raise AbsentError(f"there is no repository at {repository.place}", hint="orthancgen backup ENV makes it")
        if repository.place in known.since and not anew:
            raise BackupError(
                f"the repository at {repository.place} was there since {known.since[repository.place]}, "
                "and is not any more",
                hint="is its disk mounted? Where it is gone for good: orthancgen backup ENV --new-repository",
            )
        repository.create()
        made = True
    if repository.place not in known.since or made:
        with writing(file):
            now = datetime.datetime.now(datetime.UTC)
            write(file, to_json(Known({**known.since, repository.place: f"{now:%Y-%m-%dT%H:%M:%SZ}"})))
    if before.read(OPENED_WITH) != repository.password:
        before.write(OPENED_WITH, repository.password)
    _put_in_use(repository, state)
    return made


def _put_in_use(repository: Repository, state: State) -> None:
    """A rotated password waits for no deploy: no service reads it, and the repository has it now."""
    store, name = SecretStore(state.secrets), repository.settings.password.secret
    if store.waiting(name) == repository.password:
        store.place({name: repository.password})
        with writing(store.next_folder):
            (store.next_folder / name).unlink(missing_ok=True)
