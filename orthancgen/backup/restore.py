"""Bring a backup back into an empty environment, and prove that everything is there.

What is proven: the restored index is the one of the backup (its digest), every file has the checksum that Orthanc noted
when it arrived, and the Orthanc that runs afterwards names exactly those instances, counted and by identity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import httpx

from orthancgen.backup.halted import clean
from orthancgen.backup.job import JOB_LABEL, Job, Mount
from orthancgen.backup.repository import Repository
from orthancgen.backup.sets import DATABASE, INDEX, MANIFEST, STATE, STORAGE, BackupSet, Manifest
from orthancgen.backup.site_jobs import SiteJobs, Wrong
from orthancgen.backup.state_archive import unpack
from orthancgen.errors import BackupError
from orthancgen.plan.model import Plan
from orthancgen.render.container_files import Volume
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.compose.endpoint import asking
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.state import State

_INSTANCE: Final = 4
_PAGE: Final = 5000
_LEVELS: Final = ("patients", "studies", "series", "instances")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing that was compared: what the backup says, and what is there now."""

    what: str
    backup: str
    restored: str

    @property
    def same(self) -> bool:
        """Whether they agree."""
        return self.backup == self.restored


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        run: the backup.
        comparisons: one for each thing that was compared.
        deleted: instances that were deleted on purpose, since they were deleted while the backup was made.
        wrong: files that are not as they must be, and whose instances are there still.
        kept: volumes in which what was there before is kept.
        arrived: how many instances came in since the services run again.
    """

    run: str
    comparisons: tuple[Comparison, ...]
    deleted: tuple[str, ...]
    wrong: tuple[Wrong, ...]
    kept: tuple[str, ...]
    arrived: int = 0

    @property
    def same(self) -> bool:
        """Whether all is as it was."""
        return not self.wrong and all(one.same for one in self.comparisons)

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return {
            "run": self.run,
            "same": self.same,
            "comparisons": [{**asdict(one), "same": one.same} for one in self.comparisons],
            "deleted": list(self.deleted),
            "wrong": [asdict(one) for one in self.wrong],
            "kept": list(self.kept),
            "arrived": self.arrived,
        }


def read_manifest(repository: Repository, chosen: BackupSet) -> Manifest:
    """The manifest of a complete backup.

    Raises:
        BackupError: it cannot be read.
    """
    return Manifest.from_json(repository.read(chosen.snapshots["manifest"].id, MANIFEST))


def restore_state(repository: Repository, manifest: Manifest, state: State) -> int:
    """Bring the state folder back where this machine has none; how many files.

    Raises:
        BackupError: it cannot be read, or there is one.
    """
    content = repository.read(manifest.snapshots["state"], STATE)
    return unpack(content, state)


def restore(
    plan: Plan,
    repository: Repository,
    manifest: Manifest,
    report: Report,
    *,
    replacing: bool,
    deploy: Callable[[], Access],
    stop: Callable[[], object],
) -> Restored:
    """Fill the volumes, start the services, fill the database, and compare.

    Args:
        plan: of the environment.
        repository: opened.
        manifest: of the backup.
        report: told about each step.
        replacing: move what the volumes hold to other volumes; without it, they must be empty.
        deploy: starts the services, healthy at its return.
        stop: ends them; they may not run while the volumes are filled.

    Raises:
        BackupError: the volumes are not empty, or the backup cannot be read whole.
        DeployError: the services do not start.
    """
    jobs = repository.jobs
    clean(jobs)
    site = SiteJobs(plan, jobs)
    kept = _make_room(site, replacing=replacing, stop=stop, report=report)
    site.prepare()
    try:
        wrong, comparisons = _fill(site, repository, manifest, report)
        expected = site.instances()
        report.started("services")
        access = deploy()
        report.done("services", "run")
        if manifest.records:
            report.started("records")
            comparisons.append(_fill_database(site, manifest))
            report.done("records", comparisons[-1].restored)
        with _client(access) as client:
            deleted, left = _delete_missing(client, wrong)
            more, arrived = _compare_running(client, expected, len(deleted))
            comparisons += more
    finally:
        jobs.remove_volume(site.staging)
    return Restored(manifest.run_id, tuple(comparisons), tuple(deleted), tuple(left), kept, arrived)


def _make_room(site: SiteJobs, *, replacing: bool, stop: Callable[[], object], report: Report) -> tuple[str, ...]:
    there = set(site.jobs.engine.volumes(site.project))
    present = [volume for volume in site.volumes.values() if site.volume_name(volume) in there]
    full = [volume for volume in present if volume.name in _full(site, present)]
    if full and not replacing:
        raise BackupError(
            f"{', '.join(site.volume_name(one) for one in full)} hold data: only an empty environment is filled",
            hint="--replace keeps that data in volumes of another name",
        )
    stop()
    kept = tuple(_keep(site, volume) for volume in full)
    for name in kept:
        report.done("kept", name)
    engine = site.jobs.engine
    for volume in site.volumes.values():
        if volume.service == "database":
            # Made by the deploy, which then knows that the database has no accounts yet.
            site.jobs.remove_volume(site.volume_name(volume))
            continue
        options = {"type": "none", "o": "bind", "device": volume.host_folder} if volume.host_folder else None
        labels = {"com.docker.compose.project": site.project, "com.docker.compose.volume": volume.name}
        engine.ensure_volume(site.volume_name(volume), volume.uid, volume.gid, labels, options=options)
    return kept


def _full(site: SiteJobs, present: list[Volume]) -> set[str]:
    if not present:
        return set()
    mounts = [Mount(site.volume_name(volume), f"/volumes/{volume.name}") for volume in present]
    lines = site.jobs.must(Job("look into the volumes", "is_empty.sh", (), mounts))
    return {line.split(" ")[0] for line in lines if line.endswith(" full")}


def _keep(site: SiteJobs, volume: Volume) -> str:
    """Move what a volume holds into a new one beside it, without copying; the new one's name."""
    name = site.volume_name(volume)
    kept = f"{name}-before-{site.jobs.run_id.lower()}"
    api = site.jobs.engine.client.api
    labels = {name: value for name, value in site.jobs.labels.items() if name != JOB_LABEL}
    if volume.host_folder is not None:
        parent, _, folder = volume.host_folder.rpartition("/")
        other = f"{folder}-before-{site.jobs.run_id.lower()}"
        mount, arguments = Mount(parent or "/", "/host", read_only=False), [folder, other]
        kept = f"{parent}/{other}"
    else:
        with asking("keep what a volume holds"):
            api.create_volume(kept, driver="local", labels=labels)
            places = [str(api.inspect_volume(one)["Mountpoint"]) for one in (name, kept)]
        root = places[0].removesuffix(f"/{name}/_data")
        if places != [f"{root}/{name}/_data", f"{root}/{kept}/_data"]:
            raise BackupError(
                f"cannot keep {name}: the engine has its volumes at {places[0]}", hint="empty it yourself"
            )
        mount, arguments = Mount(root, "/host", read_only=False), [f"{name}/_data", f"{kept}/_data"]
    site.jobs.must(Job("keep what a volume holds", "keep.sh", arguments, [mount]))
    return kept


def _fill(
    site: SiteJobs, repository: Repository, manifest: Manifest, report: Report
) -> tuple[list[Wrong], list[Comparison]]:
    user = site.volumes["orthanc-storage"]
    images = manifest.snapshots["orthanc"]
    report.started("images")
    repository.restore(images, STORAGE, Mount(site.storage, "/restored", read_only=False))
    repository.restore(images, INDEX, Mount(site.index, "/restored", read_only=False))
    if manifest.records:
        repository.restore(
            manifest.snapshots["database"], DATABASE, Mount(site.staging, "/restored", read_only=False), "/database"
        )
    for volume in dict.fromkeys((site.storage, site.index)):
        owner = [str(user.uid), str(user.gid)]
        mount = Mount(volume, "/restored", read_only=False)
        site.jobs.must(Job("give the files their owner", "restored.sh", owner, [mount]))
    report.done("images", f"{manifest.instances} instances")
    report.started("checksums")
    holds, digest = site.check_index(Mount(site.index, "/staging/index", read_only=False), storage=False)
    wrong, compared, removed = site.check_files()
    said = f"{compared} files have the checksum of their arrival" if not wrong else f"{len(wrong)} of {compared} differ"
    report.done("checksums", said + (f"; {removed} newer than the index removed" if removed else ""))
    site.jobs.must(
        Job(
            "give the index its owner",
            "restored.sh",
            [str(user.uid), str(user.gid)],
            [Mount(site.index, "/restored", read_only=False)],
        )
    )
    comparisons = [Comparison("index", manifest.digest[:16], digest[:16])]
    comparisons += [
        Comparison(f"{name} in the index", str(manifest.orthanc_holds.get(name, 0)), str(holds.get(name, 0)))
        for name in (*_LEVELS, "files", "bytes")
    ]
    damaged = sum(one.what == "damaged" for one in wrong)
    comparisons.append(Comparison("damaged files", "0", str(damaged)))
    return wrong, comparisons


def _fill_database(site: SiteJobs, manifest: Manifest) -> Comparison:
    """The backend must not write meanwhile; afterwards it reads from Orthanc what the records lack."""
    engine = site.jobs.engine
    backend = engine.containers(site.project)["backend"]
    engine.stop(backend.id)
    try:
        loaded = site.load(backend)
    finally:
        with asking("start the backend"):
            engine.client.api.start(backend.id)
    return Comparison("records", _counts(manifest.records), _counts(loaded))


def _counts(counts: Any) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"


def _client(access: Access) -> httpx.Client:
    return httpx.Client(
        base_url=access.orthanc_url, auth=access.orthanc_login, verify=access.http_verify, timeout=60, trust_env=False
    )


def _delete_missing(client: httpx.Client, wrong: list[Wrong]) -> tuple[list[str], list[Wrong]]:
    """Delete the instances whose file was deleted while the backup was made: the index is from just before."""
    missing = {one.orthanc_id for one in wrong if one.what == "missing" and one.level == _INSTANCE}
    deleted = []
    for orthanc_id in sorted(missing):
        if _ask(client, "DELETE", f"/instances/{orthanc_id}").status_code in {200, 404}:
            deleted.append(orthanc_id)
    return deleted, [one for one in wrong if one.orthanc_id not in deleted]


def _compare_running(client: httpx.Client, expected: set[str], deleted: int) -> tuple[list[Comparison], int]:
    named: set[str] = set()
    since = 0
    while True:
        page = _ask(client, "GET", "/instances", params={"since": since, "limit": _PAGE}).json()
        named.update(page)
        since += len(page)
        if len(page) < _PAGE:
            break
    there = len(expected & named)
    return [Comparison("instances in Orthanc", str(len(expected) - deleted), str(there))], len(named - expected)


def _ask(client: httpx.Client, method: str, path: str, **more: Any) -> httpx.Response:
    try:
        answer = client.request(method, path, **more)
        if answer.status_code != 404:
            answer.raise_for_status()
    except httpx.HTTPError as error:
        raise BackupError(
            f"Orthanc does not answer after the restore ({type(error).__name__} at {path})",
            hint="orthancgen status ENV, orthancgen logs ENV orthanc",
        ) from None
    return answer
