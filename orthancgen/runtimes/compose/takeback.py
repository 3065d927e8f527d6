"""Go back to the release that ran before, from what lies on disk: after a failure, and after a run that was killed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from orthancgen.errors import DeployError, OrthancgenError, StartError
from orthancgen.orthanc.index import can_use
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.release.journal import Entry, Journal, Step
from orthancgen.release.model import Release
from orthancgen.release.store import ReleaseStore
from orthancgen.render.account_json import PREVIOUS_ROOT_PASSWORD
from orthancgen.render.container_files import mounts, project_name, users, volumes
from orthancgen.render.site_json import site_of
from orthancgen.runtimes.attempts import Attempts
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.folders import (
    ServiceFolder,
    rendered_files,
    secret_contents,
    service_folder,
    state_id,
    state_key,
)
from orthancgen.runtimes.compose.live import STATE_LABEL
from orthancgen.runtimes.compose.project import ACCOUNT_SERVICE, Project, definition
from orthancgen.runtimes.compose.settle import end_commands, wait_settled
from orthancgen.runtimes.interrupts import ignored
from orthancgen.runtimes.state import State
from orthancgen.secrets.store import SecretStore
from orthancgen.secrets.value import SecretValue

_HEALTH_SECONDS: Final = 90.0
_ATTEMPTS: Final = 2
"""What an engine had still to do when it was looked at shows in what runs at the end."""
_SERVICE_STEPS: Final[tuple[Step, ...]] = ("orthanc", "backend", "analysis", "viewer", "gateway")


def place(engine: Engine, folders: Iterable[ServiceFolder], *, anew: bool = False) -> int:
    """Write the folders that are not there yet, or all; those that are have the same content by their name.

    Returns:
        How many were written.
    """
    missing = [folder for folder in folders if anew or not engine.has_placed(folder.path)]
    for folder in missing:
        engine.place(folder.files, folder.path)
    return len(missing)


def ensure_volumes(engine: Engine, plan: Plan, state: State) -> None:
    """Make the volumes that are not there yet, each owned by the user of the container that writes to it."""
    project = project_name(plan.site.environment)
    for one in volumes(plan):
        labels = {
            "com.docker.compose.project": project,
            "com.docker.compose.volume": one.name,
            STATE_LABEL: state_id(state_key(state.key)),
        }
        folder = one.host_folder
        options = {"type": "none", "o": "bind", "device": folder} if folder is not None else None
        engine.ensure_volume(f"{project}_{one.name}", one.uid, one.gid, labels, options=options)


def plan_of(releases: ReleaseStore, number: int) -> Plan:
    """The plan of a release, from the model that it keeps."""
    bundle = releases.bundle(number)
    return build_plan(site_of(bundle), Version.parse(releases.get(number).draft.orthanc))


def recover(engine: Engine, releases: ReleaseStore, store: SecretStore, state: State) -> str | None:
    """End what a run left that was killed: forward where it had proven its release, else back.

    The lock is held.

    Returns:
        What was done, or None where nothing was left.

    Raises:
        DeployError: it cannot be ended; the journal stays.
    """
    journal = Journal.resume(state.journal)
    if journal is None:
        return None
    entry = journal.entry
    current = releases.current()
    end_commands(state.root)
    engine.remove_jobs(project_name(entry.environment))  # one of them sets passwords
    wait_settled(engine, project_name(entry.environment))
    if current is not None and current.number == entry.to_release:
        finish(store, journal)
        return f"release {current.number}, which was proven, is in use"
    left = take_back(engine, releases, store, state, journal)
    if entry.to_release is not None:
        releases.fail(releases.get(entry.to_release))
    if left:
        raise DeployError(
            "an earlier run was cut off and could not be taken back:\n  " + "\n  ".join(left),
            hint="mend that, then run the same command again",
        )
    return f"release {entry.from_release} runs again" if entry.from_release else "what it had started is stopped"


def finish(store: SecretStore, journal: Journal) -> None:
    """The last steps of a proven release: its secrets are those in use."""
    store.adopt()
    journal.close()


def take_back(engine: Engine, releases: ReleaseStore, store: SecretStore, state: State, journal: Journal) -> list[str]:
    """Go back as far as possible; signals wait meanwhile. Closes the journal where all is as it was.

    Returns:
        What could not be done, and why; empty when all is as it was.
    """
    entry = journal.entry
    attempt = Attempts()

    with ignored():
        attempt("write that it is taken back", lambda: journal.step("taking back"))
        if entry.from_release is None:
            attempt("stop what was started", lambda: _stop_everything(engine, state, entry))
        else:
            release = releases.get(entry.from_release)
            attempt("start what ran before", lambda: _Earlier(engine, releases, store, state, journal, release).start())
        if not attempt.failures:
            attempt("write that it is taken back", lambda: journal.step("taken back"))
            attempt("write that it is taken back", journal.close)
    return attempt.failures


def _stop_everything(engine: Engine, state: State, entry: Entry) -> None:
    del state
    engine.remove_project(project_name(entry.environment))


class _Earlier:
    """The release that ran before, brought back."""

    def __init__(
        self,
        engine: Engine,
        releases: ReleaseStore,
        store: SecretStore,
        state: State,
        journal: Journal,
        release: Release,
    ) -> None:
        self._engine, self._releases, self._store, self._state = engine, releases, store, state
        self._journal, self._release = journal, release
        self._bundle = releases.bundle(release.number)
        self._plan = plan_of(releases, release.number)

    def start(self) -> None:
        """Start it.

        Raises:
            DeployError: something of it does not start.
        """
        entry = self._journal.entry
        self._refuse_upgraded_index(entry)
        secrets = self._secrets()
        account = self._account_folder(secrets)
        digests = {**self._release.draft.digests, ACCOUNT_SERVICE: account.digest}
        folder = self._releases.bundle_folder(self._release.number)
        project = Project.of(self._engine, entry.environment, folder, self._bundle, digests, self._state.run)
        if self._networks_differ(entry):
            self._engine.remove_project(project.name)
        project.remove(set(project.containers()) - set(project.services))
        project.remove_idle()
        if entry.database_password != "earlier" and "database" in project.services:  # noqa: S105  a state
            self._journal.step("database back")
            place(self._engine, [account])
            self._up(project, "database", secrets)
            project.set_account()
        self._journal.step("services back")
        images: dict[str, str] = {name: self._release.draft.images[name].id for name in project.services}
        for _ in range(_ATTEMPTS):
            for name in project.services:
                self._up(project, name, secrets)
            wrong = project.not_as_wanted(images)
            if not wrong:
                return
        raise StartError(f"not what release {self._release.number} wants runs as {', '.join(wrong)}")

    def _up(self, project: Project, name: str, secrets: Mapping[str, SecretValue]) -> None:
        project.up([name])
        project.wait_healthy(name, _HEALTH_SECONDS, secrets)

    def _networks_differ(self, entry: Entry) -> bool:
        if entry.to_release is None:
            return False
        other = definition(self._releases.bundle(entry.to_release))
        return bool(other["networks"] != definition(self._bundle)["networks"])

    def _refuse_upgraded_index(self, entry: Entry) -> None:
        started = any(step in entry.steps for step in _SERVICE_STEPS)
        if not started or entry.to_release is None:
            return
        newer = Version.parse(self._releases.get(entry.to_release).draft.orthanc)
        refuse_upgraded_index(Version.parse(self._release.draft.orthanc), newer, self._release.index_schema)

    def _secrets(self) -> dict[str, SecretValue]:
        values = {secret.name: self._store.read(secret.name) for secret in self._plan.secrets}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise StartError(f"secrets of release {self._release.number} are gone: {', '.join(missing)}")
        return {name: value for name, value in values.items() if value is not None}

    def _account_folder(self, secrets: Mapping[str, SecretValue]) -> ServiceFolder:
        """The job that sets the passwords in use again; where root has the new one already, it logs in with that."""
        files = mounts(self._plan).get(ACCOUNT_SERVICE, ())
        waiting = self._store.waiting(self._plan.site.backend.database.root_password.secret)
        contents = secret_contents(self._plan, files, secrets)
        contents |= {PREVIOUS_ROOT_PASSWORD: waiting.reveal().encode() if waiting else b""}
        rendered = rendered_files(self._bundle, ACCOUNT_SERVICE)
        key, owner = state_key(self._state.key), users(self._plan)[ACCOUNT_SERVICE]
        return service_folder(ACCOUNT_SERVICE, rendered, contents, owner=owner, key=key, run=self._state.run)


def refuse_upgraded_index(older: Version, newer: Version, schema: int | None) -> None:
    """Refuse to give an older Orthanc an index that a newer one has upgraded.

    Args:
        older: the Orthanc that would be started.
        newer: the one that had the index last.
        schema: the index's schema when the older one used it; None where it was not recorded.

    Raises:
        DeployError: the older one cannot open it, or cannot store into it.
    """
    if not can_use(older, newer, schema):
        raise DeployError(
            f"Orthanc {newer} has changed the index past what Orthanc {older} can use: it is left as it is, "
            "with every image",
            hint="restore a backup from before the upgrade, or mend the newer release and deploy again",
        )


def clean(
    engine: Engine, releases: ReleaseStore, state: State, kept_releases: int, in_use: Collection[str] = ()
) -> None:
    """Forget releases beyond the kept ones, and folders that no kept release reads. What fails here is no failure."""
    try:
        releases.prune(kept_releases)
        wanted = {
            f"{service}/{digest}" for release in releases.list() for service, digest in release.draft.digests.items()
        }
        engine.remove_placed(str(state.run), keep=wanted | set(in_use))
    except OrthancgenError:
        return
