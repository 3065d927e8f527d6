"""Deploy an environment in containers. What did not change is not touched; what fails is taken back.

Every step is written down before it is taken (:mod:`orthancgen.release.journal`), and the release that ran before is
left only after the new one is proven. A run that was killed is taken back by the next one from what it left on disk,
by the same function that takes back a run that failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from orthancgen.errors import DeployError, OrthancgenError, VerifyError
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.release.audit_log import AuditLog, Event
from orthancgen.release.journal import Journal
from orthancgen.release.model import Release, Verified
from orthancgen.release.store import ReleaseStore
from orthancgen.render.container_files import DATABASE_VOLUME
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.compose import models, takeback
from orthancgen.runtimes.compose.access import access_of
from orthancgen.runtimes.compose.arrival import require_arrival
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.live import Live, facts_of, index_schema, require_own, stale_services
from orthancgen.runtimes.compose.ports import require_free
from orthancgen.runtimes.compose.project import ACCOUNT_SERVICE, START_ORDER, Project, definition
from orthancgen.runtimes.compose.target import Target
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.runtime import Deployed, Wanted
from orthancgen.secrets.store import SecretStore
from orthancgen.verify.result import CheckResult, Outcome

KEPT_RELEASES: Final = 10
Verify = Callable[[Plan, Access], tuple[CheckResult, ...]]


@dataclass(frozen=True, slots=True)
class Run:
    """What a change of the environment needs.

    Attributes:
        engine: where it runs.
        releases: of the environment.
        store: its secrets.
        audit: its log.
        report: told about each step.
        wanted: how it is to be done.
        verb: deploy or rollback.
    """

    engine: Engine
    releases: ReleaseStore
    store: SecretStore
    audit: AuditLog
    report: Report
    wanted: Wanted
    verb: str


def apply(run: Run, target: Target, verify: Verify | None) -> Deployed:
    """Make the target run.

    The lock is held, and no journal of an earlier run is left.

    Raises:
        DeployError: a step failed; what ran before runs again, unless the message says otherwise.
    """
    require_arrival(target.plan, run.engine, run.report)
    live = Live.look(run.engine, target.plan.site.environment)
    require_own(live, target.state, target.plan.site.environment)
    current = run.releases.current()
    found = difference(run.releases, target, current, live)
    if run.wanted.repair:
        unwanted = found.unwanted if found else ()
        found = Steps(tuple(n for n in START_ORDER if n in target.draft.digests), unwanted, bool(found and found.anew))
    access = access_of(target.plan, target.state, run.engine, target.secrets)
    if found is None:
        run.report.done("services", "unchanged")
        return Deployed(access, (), 0, release=current.number if current else None)
    if run.engine.local:
        require_free(target.plan, live)
    if "analysis" in target.draft.digests and (found.anew or "analysis" in found.stale):
        # It would not start with a model that is damaged, in no release: nothing could be taken back.
        models.check(target.plan, target.draft.images["analysis"], run.engine, run.report)
    return _Change(run, target, current, live, found, access).apply(verify)


@dataclass(frozen=True, slots=True)
class Steps:
    """What has to be done.

    Attributes:
        stale: services that do not run as they should.
        unwanted: containers of services that are not wanted any more.
        anew: the networks change, so that every container has to go first.
    """

    stale: tuple[ServiceName, ...]
    unwanted: tuple[str, ...]
    anew: bool


def difference(releases: ReleaseStore, target: Target, current: Release | None, live: Live) -> Steps | None:
    """What has to be done to have the target run; None where it does."""
    stale = stale_services(target, current, live)
    unwanted = tuple(sorted(set(live.containers) - set(target.draft.digests)))
    bundle = releases.bundle(current.number) if current else None
    if not stale and not unwanted and bundle == target.bundle:
        return None
    networks = definition(bundle)["networks"] if bundle else None
    anew = networks is not None and networks != definition(target.bundle)["networks"]
    return Steps(stale, unwanted, anew)


class _Change:
    """From what is there to what is wanted."""

    def __init__(
        self, run: Run, target: Target, current: Release | None, live: Live, steps: Steps, access: Access
    ) -> None:
        self._run, self._target, self._current, self._live = run, target, current, live
        self._todo, self._access = steps, access
        self._started: list[ServiceName] = []
        self._since = time.monotonic()
        self._results: tuple[CheckResult, ...] | None = None

    def apply(self, verify: Verify | None) -> Deployed:
        """Do it, or take it back."""
        draft = self._target.draft
        journal = Journal.open(
            self._target.state.journal,
            environment=draft.environment,
            verb=self._run.verb,
            reason=draft.reason,
            from_release=self._current.number if self._current else None,
        )
        try:
            release = self._steps(journal, verify)
        except BaseException as error:
            if self._run.wanted.keep_failed and isinstance(error, OrthancgenError):
                self._leave(journal, error)
            else:
                self._take_back(journal, error)
            if isinstance(error, _ProofsFailedError):
                number = self._current.number if self._current else None
                return Deployed(self._access, (), 0, self._results, number, left_failed=self._run.wanted.keep_failed)
            raise
        try:
            self._settle(journal)
        finally:
            self._log("good", release.number)
        return Deployed(self._access, tuple(self._started), self._changed_files(), self._results, release.number)

    def _steps(self, journal: Journal, verify: Verify | None) -> Release:
        run, target = self._run, self._target
        # A value that a service may know from now on is on the disk before any service is given it.
        run.store.wait_with(target.secrets)
        journal.step("volumes")
        takeback.ensure_volumes(run.engine, target.plan, target.state)
        journal.step("files")
        self._place()
        journal.step("release")
        release = run.releases.begin(target.draft, target.bundle)
        journal.note(to_release=release.number)
        project = target.project(run.engine, release.number)
        if self._todo.anew:
            run.engine.remove_project(project.name)
        project.remove(self._todo.unwanted)
        for name in project.services:
            journal.step(name)
            self._bring_up(project, name)
            if name == "database":
                self._set_account(journal, project)
        journal.step("verify")
        self._verify(verify)
        journal.step("complete")
        schema = index_schema(self._access)
        facts = facts_of(target, project.containers())
        return run.releases.complete(release, index_schema=schema, verified=self._verified, facts=facts)

    def _settle(self, journal: Journal) -> None:
        """What is left once the release is in use. Where this fails, the next run does it."""
        journal.step("completed")
        takeback.finish(self._run.store, journal)
        takeback.clean(self._run.engine, self._run.releases, self._target.state, KEPT_RELEASES)

    def _place(self) -> None:
        self._run.report.started("files")
        known = self._current.draft.digests if self._current else {}
        anew = self._run.wanted.repair
        needed = [
            folder
            for service, folder in self._target.folders.items()
            if service != ACCOUNT_SERVICE and (anew or known.get(service) != folder.digest)
        ]
        placed = takeback.place(self._run.engine, needed, anew=anew)
        self._run.report.done("files", f"{placed} folders written" if placed else "unchanged")

    def _bring_up(self, project: Project, name: ServiceName) -> None:
        run = self._run
        run.report.started(name)
        needed = self._todo.anew or name in self._todo.stale
        if needed:
            self._started.append(name)
            project.up([name], anew=run.wanted.repair)
        project.wait_healthy(name, run.wanted.health_seconds, self._target.secrets)
        run.report.done(name, "started" if needed else "unchanged")

    def _set_account(self, journal: Journal, project: Project) -> None:
        """Give the database its accounts where it may have others: by itself it makes one, once, in an empty volume."""
        plan, draft = self._target.plan, self._target.draft
        database = plan.site.backend.database
        names = (database.password.secret, database.root_password.secret)
        known = self._current.draft.secrets if self._current else {}
        if DATABASE_VOLUME in self._live.volumes and all(known.get(name) == draft.secrets[name] for name in names):
            return
        self._run.report.started("database accounts")
        journal.note(database_password="unknown")  # noqa: S106  a state, no password
        journal.step("database account")
        takeback.place(self._run.engine, [self._target.folders[ACCOUNT_SERVICE]])
        project.set_account()
        journal.note(database_password="new")  # noqa: S106
        self._run.report.done("database accounts", "set")

    def _verify(self, verify: Verify | None) -> None:
        if verify is None:
            return
        self._run.report.started("proofs")
        try:
            self._results = verify(self._target.plan, self._access)
        except VerifyError as error:
            raise DeployError(error.message, hint=error.hint) from None
        found = self._verified
        failed = found is not None and found.failed
        self._run.report.done("proofs", f"{failed} failed" if failed else f"{found.passed if found else 0} hold")
        if failed:
            raise _ProofsFailedError

    @property
    def _verified(self) -> Verified | None:
        if self._results is None:
            return None
        outcomes = [result.outcome for result in self._results]
        return Verified(outcomes.count(Outcome.PASSED), outcomes.count(Outcome.FAILED))

    def _changed_files(self) -> int:
        if self._current is None:
            return len(self._target.bundle.files)
        before = {file.path: file.content for file in self._run.releases.bundle(self._current.number).files}
        return sum(before.get(file.path) != file.content for file in self._target.bundle.files)

    def _leave(self, journal: Journal, error: OrthancgenError) -> None:
        number = journal.entry.to_release
        if number is not None:
            self._run.releases.fail(self._run.releases.get(number), self._verified)
        self._log("failed, left as it is", number, error)
        journal.close()

    def _take_back(self, journal: Journal, error: BaseException) -> None:
        run = self._run
        number = journal.entry.to_release
        run.report.started("taking back")
        left = takeback.take_back(run.engine, run.releases, run.store, self._target.state, journal)
        if number is not None:
            run.releases.fail(run.releases.get(number), self._verified)
        run.report.done("taking back", f"incomplete: {'; '.join(left)}" if left else _restored(self._current))
        self._log(f"taken back in part: {'; '.join(left)}" if left else "taken back", number, error)
        if left and isinstance(error, OrthancgenError):
            error.message += "\nwhat could not be taken back:\n  " + "\n  ".join(left)

    def _log(self, outcome: str, number: int | None, error: BaseException | None = None) -> None:
        draft = self._target.draft
        details = error.message if isinstance(error, OrthancgenError) else type(error).__name__ if error else ""
        event = Event(
            verb=self._run.verb,
            environment=draft.environment,
            who=draft.who,
            outcome=outcome,
            reason=draft.reason,
            from_release=self._current.number if self._current else None,
            to_release=number,
            changed=tuple(self._started),
            seconds=round(time.monotonic() - self._since, 1),
            verified=self._verified,
            details=details,
        )
        self._run.audit.append(event, self._target.secrets)


class _ProofsFailedError(OrthancgenError):
    """Proofs failed: the results say which."""

    def __init__(self) -> None:
        super().__init__("proofs failed")


def _restored(current: Release | None) -> str:
    return f"release {current.number} runs again" if current else "nothing runs, as before; what was stored is kept"
