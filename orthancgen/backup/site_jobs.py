"""The jobs that know an environment: its volumes, its index, its database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.backup.halted import orthanc_program
from orthancgen.backup.job import Job, Jobs, Mount, said
from orthancgen.errors import BackupError
from orthancgen.plan.model import Plan
from orthancgen.render.container_files import (
    CONFIGURATION_FOLDER,
    INDEX_VOLUME,
    STORAGE_VOLUME,
    Volume,
    project_name,
    users,
    volumes,
)
from orthancgen.runtimes.compose.container import Container

RECORDS: Final = "records.ejson"
_BACKEND_USER: Final = (10001, 10001)
LIVE_INDEX: Final = ("index", "index-wal", "index-journal", "index-shm")
"""SQLite's files beside the images: saved as the checked copy, never as they are while Orthanc writes them."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The copy of the index.

    Attributes:
        paused_milliseconds: how long Orthanc was halted.
        whole: whether the whole index was copied meanwhile, not its log alone.
    """

    paused_milliseconds: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Wrong:
    """A file that is not as the index says.

    Attributes:
        what: missing or damaged.
        level: 1 patient, 2 study, 3 series, 4 instance (`ResourceType` of Orthanc).
        orthanc_id: of that resource.
        uuid: of the file.
    """

    what: str
    level: int
    orthanc_id: str
    uuid: str


class SiteJobs:
    """Jobs on the volumes of one environment; `staging` is a volume of the run."""

    def __init__(self, plan: Plan, jobs: Jobs) -> None:
        self.plan, self.jobs = plan, jobs
        self.project = project_name(plan.site.environment)
        self.staging = f"{self.project}-backup-{jobs.run_id.lower()}"
        self.volumes = {volume.name: volume for volume in volumes(plan)}

    def volume_name(self, volume: Volume) -> str:
        """Its name on the engine."""
        return f"{self.project}_{volume.name}"

    @property
    def storage(self) -> str:
        """The volume of the images."""
        return f"{self.project}_{STORAGE_VOLUME}"

    @property
    def index(self) -> str:
        """The volume of the index."""
        return f"{self.project}_{INDEX_VOLUME}" if INDEX_VOLUME in self.volumes else self.storage

    def require_volumes(self) -> None:
        """Refuse to go on where a volume is missing: the engine would make an empty one.

        Raises:
            BackupError: the environment was not deployed.
        """
        there = set(self.jobs.engine.volumes(self.project))
        missing = sorted(self.volume_name(one) for one in self.volumes.values() if self.volume_name(one) not in there)
        if missing:
            raise BackupError(
                f"there is nothing to save: the engine has no {', '.join(missing)}",
                hint=f"orthancgen deploy {self.plan.site.environment}",
            )

    def prepare(self) -> None:
        """Make the staging volume."""
        self.jobs.volume(self.staging)
        uid, gid = users(self.plan).get("backend", _BACKEND_USER)
        self.jobs.must(
            Job(
                "prepare the copy",
                "prepare.sh",
                [str(uid), str(gid)],
                [Mount(self.staging, "/staging", read_only=False)],
            )
        )

    def copy_index(self, orthanc: Container | None) -> Copied:
        """Copy the index to the staging volume, with Orthanc halted where it runs."""
        job = Job(
            "copy Orthanc's index",
            "copy_index.sh",
            [orthanc_program(self.plan), str(self.plan.site.backup.pause_seconds)],
            [Mount(self.index, "/source"), Mount(self.staging, "/staging", read_only=False)],
            capabilities=("DAC_OVERRIDE", "DAC_READ_SEARCH", "KILL"),
            processes_of=orthanc.id if orthanc and orthanc.status == "running" else None,
        )
        told = dict(line.split(" ", 1) for line in self.jobs.must(job))
        return Copied(int(told["paused"]), told["how"] == "whole")

    def check_index(self, folder: Mount | None = None, storage: bool = True) -> tuple[dict[str, int], str]:
        """Recover and check the copied index: what it holds (counts by name), and its digest."""
        mounts = [folder or Mount(self.staging, "/staging", read_only=False)]
        mounts += [Mount(self.storage, "/storage")] if storage else []
        told = dict(line.split(" ", 1) for line in self.jobs.must(Job("check the index", "check_index.sh", (), mounts)))
        digest = told.pop("digest")
        return {name: int(value) for name, value in told.items()}, digest

    def check_files(self) -> tuple[list[Wrong], int, int]:
        """Compare every file with the index's checksum: what is wrong, how many were compared, how many removed.

        The index and the files lie in the environment's own volumes, and Orthanc does not run.
        """
        mounts = [Mount(self.storage, "/storage", read_only=False), Mount(self.index, "/index")]
        numbers: dict[str, int] = {}
        wrong: list[Wrong] = []
        for line in self.jobs.must(Job("compare the files with the index", "check_files.sh", (), mounts)):
            name, *rest = line.split(" ")
            if name in {"missing", "damaged"}:
                wrong.append(Wrong(name, int(rest[0]), rest[1], rest[2]))
            else:
                numbers[name] = int(rest[0])
        return wrong, numbers["compared"], numbers["removed"]

    def instances(self) -> set[str]:
        """Orthanc's identities of the instances of the index, while Orthanc does not run."""
        return set(self.jobs.must(Job("list the instances", "list_instances.sh", (), [Mount(self.index, "/index")])))

    def dump(self, backend: Container) -> dict[str, int]:
        """Write the records to the staging volume; collection -> documents."""
        path = f"/staging/database/{RECORDS}"
        document = self._records("save the records", backend, "dump.mjs", "--output", path)
        return {str(name): int(number) for name, number in document["documents"].items()}

    def load(self, backend: Container) -> dict[str, int]:
        """Fill the database from the staging volume, in place of what it holds; collection -> documents."""
        path = f"/staging/database/{RECORDS}"
        document = self._records("load the records", backend, "load.mjs", "--input", path, "--replace")
        return {str(name): int(number) for name, number in document["documents"].items()}

    def _records(self, what: str, backend: Container, program: str, *arguments: str) -> dict[str, Any]:
        """Run a program of the backend's image as the backend: its configuration, secrets, user and network."""
        attributes = backend.attributes
        mounts = [
            Mount(str(one.get("Name") or one["Source"]), str(one["Destination"]), read_only=True)
            for one in attributes.get("Mounts") or ()
        ]
        networks: Sequence[str] = list((attributes.get("NetworkSettings") or {}).get("Networks") or {})
        network = next((name for name in networks if name.endswith("_database")), None)
        if network is None:
            raise BackupError(f"cannot {what}: the backend's container is not in the database's network")
        command = ["node", f"/app/{program}", "--config", f"{CONFIGURATION_FOLDER}/backend.json", *arguments]
        user = str((attributes.get("Config") or {}).get("User") or f"{_BACKEND_USER[0]}:{_BACKEND_USER[1]}")
        job = Job(
            what,
            arguments=command,
            mounts=[*mounts, Mount(self.staging, "/staging", read_only=False)],
            capabilities=(),
            network=network,
            image=backend.image_id,
            user=user,
        )
        ended = self.jobs.run(job)
        if ended.code != 0:
            raise BackupError(f"cannot {what}: {said(ended)}")
        document: dict[str, Any] = json.loads(ended.output[-1])
        return document
