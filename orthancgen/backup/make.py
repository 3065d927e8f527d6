"""Make a backup: records, index, images and state, as of one moment, without stopping the site.

The order makes them fit together. Records first: what they are ahead of nothing in the index, and what the index has
more is recorded again. Then the copy of the index, which is the moment of the backup. Then the images: Orthanc writes a
file before it names it in the index, and never changes one, so each file of the index was there before. An image that
is deleted while files are read may be missing; restoring finds it and says so. The manifest comes last.
"""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from orthancgen import __version__
from orthancgen.backup.halted import clean, let_go_on
from orthancgen.backup.job import Jobs, Mount
from orthancgen.backup.repository import Repository, Saved
from orthancgen.backup.sets import (
    DATABASE,
    FORMAT,
    INDEX,
    MANIFEST,
    STAGING,
    STATE,
    STORAGE,
    BackupSet,
    Kind,
    Manifest,
    sets_of,
    tags,
)
from orthancgen.backup.site_jobs import LIVE_INDEX, SiteJobs
from orthancgen.backup.state_archive import pack
from orthancgen.errors import BackupError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.compose.container import Container
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.state import State

_MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backup did.

    Attributes:
        run: its name.
        time: of the copy of the index.
        instances: in the index.
        files: images and other files that the index names.
        bytes: of everything that was read.
        added: bytes that the repository grew by.
        records: documents of the database.
        paused_milliseconds: how long Orthanc was halted.
        index_copied_whole: whether the whole index had to be copied meanwhile.
        absent: files of the index that were not there at its copy.
        gone: files that were deleted while they were saved.
        removed: old backups that were removed.
        first: whether there was no complete one before.
        seconds: how long all took.
    """

    run: str
    time: str
    instances: int
    files: int
    bytes: int
    added: int
    records: int
    paused_milliseconds: int
    index_copied_whole: bool
    absent: int
    gone: int
    removed: int
    first: bool
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return asdict(self)


def new_run_id(moment: datetime.datetime) -> str:
    """Names a run: its time and something random."""
    return f"{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def make(plan: Plan, state: State, repository: Repository, report: Report) -> Summary:
    """Make a backup and remove those that are not to be kept any longer.

    The caller sees to it that no other run of this environment is at work.

    Raises:
        BackupError: it cannot be made; Orthanc runs as before.
        EngineError: the engine does not answer, or refuses.
    """
    since = time.monotonic()
    jobs = repository.jobs
    _recover(plan, jobs, report)
    site = SiteJobs(plan, jobs)
    site.require_volumes()
    containers = jobs.engine.containers(site.project)
    site.prepare()
    try:
        manifest, saved, paused, whole = _save(plan, state, repository, site, containers, report)
    finally:
        jobs.remove_volume(site.staging)
    report.started("old backups")
    sets = sets_of(repository, plan.site.environment)
    try:
        removed = _remove_old(plan, repository, sets)
    except BackupError as error:
        raise BackupError(
            f"the backup {manifest.run_id} is complete, but old ones were not removed: {error.message}",
            hint=error.hint,
        ) from None
    report.done("old backups", f"{removed} removed, {len(sets) - removed} kept")
    return Summary(
        run=manifest.run_id,
        time=manifest.time,
        instances=manifest.instances,
        files=manifest.orthanc_holds.get("files", 0),
        bytes=sum(one.bytes for one in saved.values()),
        added=sum(one.added for one in saved.values()),
        records=sum(manifest.records.values()),
        paused_milliseconds=paused,
        index_copied_whole=whole,
        absent=manifest.absent,
        gone=manifest.gone,
        removed=removed,
        first=not any(one.complete and one.run_id != manifest.run_id for one in sets),
        seconds=round(time.monotonic() - since, 1),
    )


def _recover(plan: Plan, jobs: Jobs, report: Report) -> None:
    if clean(jobs):
        report.done("an earlier backup", "was cut off; what it left is removed")
    if let_go_on(plan, jobs):
        report.done("orthanc", "was halted by an earlier backup; it goes on")


def _save(
    plan: Plan,
    state: State,
    repository: Repository,
    site: SiteJobs,
    containers: Mapping[str, Container],
    report: Report,
) -> tuple[Manifest, dict[Kind, Saved], int, bool]:
    environment, run_id = plan.site.environment, repository.jobs.run_id
    records = _records(plan, site, containers, report)
    report.started("index")
    moment = datetime.datetime.now(datetime.UTC)
    copied = site.copy_index(containers.get("orthanc"))
    holds, digest = site.check_index()
    absent = holds.pop("absent", 0)
    halted = f"Orthanc halted for {copied.paused_milliseconds} ms"
    report.done("index", f"{holds.get('instances', 0)} instances; {halted}")

    stamp = f"{moment:%Y-%m-%d %H:%M:%S}"
    saved: dict[Kind, Saved] = {}

    def save(kind: Kind, title: str, *paths: str, **more: Any) -> None:
        report.started(title)
        last = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal last
            if total and time.monotonic() - last > 1:
                last = time.monotonic()
                report.started(f"{title}: {done / _MEGABYTE:,.0f} of {total / _MEGABYTE:,.0f} MB")

        saved[kind] = repository.save(paths, tags(environment, run_id, kind), stamp, progress=progress, **more)
        report.done(title, f"{saved[kind].bytes / _MEGABYTE:,.1f} MB, {saved[kind].added / _MEGABYTE:,.1f} MB new")

    staging = Mount(site.staging, STAGING)
    images = [Mount(site.storage, STORAGE), staging]
    live = [f"{STORAGE}/{name}" for name in LIVE_INDEX]
    save("orthanc", "images", INDEX, STORAGE, mounts=images, exclude=live)
    if records:
        save("database", "records", DATABASE, mounts=[staging])
    save("state", "state", STATE, payload=pack(state))
    manifest = Manifest(
        format=FORMAT,
        environment=environment,
        run_id=run_id,
        time=f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        orthancgen=__version__,
        orthanc=str(plan.version),
        images={name: one.image for name, one in containers.items()},
        snapshots={kind: one.snapshot for kind, one in saved.items()},
        orthanc_holds=holds,
        digest=digest,
        records=records,
        absent=absent,
        gone=saved["orthanc"].gone,
    )
    marked = tags(environment, run_id, "manifest", instances=manifest.instances)
    repository.save([MANIFEST], marked, stamp, payload=manifest.to_json())
    return manifest, saved, copied.paused_milliseconds, copied.whole


def _records(plan: Plan, site: SiteJobs, containers: Mapping[str, Container], report: Report) -> dict[str, int]:
    if not plan.site.backend.enabled:
        return {}
    backend, database = containers.get("backend"), containers.get("database")
    if backend is None or database is None or database.status != "running":
        raise BackupError(
            "the records cannot be saved: the database does not run",
            hint=f"orthancgen deploy {plan.site.environment}, then make the backup",
        )
    report.started("records")
    records = site.dump(backend)
    report.done("records", f"{sum(records.values())} documents")
    return records


def _remove_old(plan: Plan, repository: Repository, sets: list[BackupSet]) -> int:
    """Remove the backups that `backup.keep` does not keep, and those that were cut off; how many.

    Backups are kept or removed whole. A run that is newer than the newest complete one is not taken for cut off.

    Raises:
        BackupError: the repository cannot be read or written.
    """
    environment = plan.site.environment
    go = set(repository.due_to_go(tags(environment, kind="manifest"), plan.site.backup.keep))
    newest = max((one.time for one in sets if one.complete), default="")
    unwanted = [one for one in sets if (one.snapshots["manifest"].id in go if one.complete else one.time < newest)]
    if unwanted:
        repository.forget([snapshot.id for one in unwanted for snapshot in one.snapshots.values()])
    return len(unwanted)
