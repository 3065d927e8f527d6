"""The backups of an environment: all snapshots of one run belong together, and its manifest is written last.

A run without its manifest was cut off, and nothing is restored from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from orthancgen.backup.repository import Repository, Snapshot
from orthancgen.errors import BackupError, InputError

Kind = Literal["orthanc", "database", "state", "manifest"]
MARK: Final = "orthancgen"
MANIFEST: Final = "/manifest.json"
STATE: Final = "/state.tar"
STAGING: Final = "/backup/staging"
INDEX: Final = f"{STAGING}/index"
DATABASE: Final = f"{STAGING}/database"
STORAGE: Final = "/backup/storage"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, as it was when it was made.

    Attributes:
        format: of this document.
        environment: its name.
        run_id: of the run.
        time: ``YYYY-MM-DDTHH:MM:SSZ``, when the index was copied.
        orthancgen, orthanc: their versions.
        images: the image of each service.
        snapshots: kind -> identity of its snapshot.
        orthanc_holds: patients, studies, series, instances, files, bytes, change (the last of Orthanc's log), schema.
        digest: SHA-256 over identities, files and checksums of the index.
        records: collection -> documents; empty without a backend.
        absent: files that the index names and that were not there when it was copied.
        gone: files that were deleted while they were saved.
    """

    format: int
    environment: str
    run_id: str
    time: str
    orthancgen: str
    orthanc: str
    images: Mapping[str, str]
    snapshots: Mapping[str, str]
    orthanc_holds: Mapping[str, int]
    digest: str
    records: Mapping[str, int] = field(default_factory=dict)
    absent: int = 0
    gone: int = 0

    @property
    def instances(self) -> int:
        """How many instances the index names."""
        return self.orthanc_holds.get("instances", 0)

    def to_json(self) -> bytes:
        """As it is saved."""
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> Manifest:
        """As it was saved.

        Raises:
            BackupError: it is none, or of a newer format.
        """
        try:
            document: dict[str, Any] = json.loads(content)
            if document["format"] != FORMAT:
                raise BackupError(
                    f"the backup is of format {document['format']}, of which this orthancgen knows nothing",
                    hint="use the version that made it, or a newer one",
                )
            return cls(**document)
        except (ValueError, TypeError, KeyError) as error:
            raise BackupError(f"the backup's manifest cannot be read ({type(error).__name__})") from None


@dataclass(frozen=True, slots=True)
class BackupSet:
    """The snapshots of one run.

    Attributes:
        run_id: of the run.
        time: of its snapshots.
        snapshots: by kind.
    """

    run_id: str
    time: str
    snapshots: Mapping[str, Snapshot]

    @property
    def complete(self) -> bool:
        """Whether the run came to its end."""
        return "manifest" in self.snapshots

    @property
    def instances(self) -> int | None:
        """How many instances, as the manifest's tag says."""
        number = self.snapshots["manifest"].tag("instances") if self.complete else ""
        return int(number) if number.isdigit() else None

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return {
            "run": self.run_id,
            "time": self.time,
            "complete": self.complete,
            "instances": self.instances,
            "bytes": sum(one.bytes for one in self.snapshots.values()),
            "snapshots": {kind: one.id for kind, one in sorted(self.snapshots.items())},
        }


def tags(environment: str, run_id: str = "", kind: str = "", **more: int) -> list[str]:
    """The tags of a snapshot, or those that find the snapshots of an environment, run or kind."""
    named = {"env": environment, "run": run_id, "kind": kind, **{name: str(value) for name, value in more.items()}}
    return [MARK, *(f"{name}:{value}" for name, value in named.items() if value)]


def sets_of(repository: Repository, environment: str) -> list[BackupSet]:
    """Every backup of an environment, oldest first.

    Raises:
        BackupError: the repository cannot be read.
    """
    runs: dict[str, dict[str, Snapshot]] = {}
    for snapshot in repository.snapshots(tags(environment)):
        run_id, kind = snapshot.tag("run"), snapshot.tag("kind")
        if run_id and kind:
            runs.setdefault(run_id, {})[kind] = snapshot
    found = [BackupSet(run_id, min(one.time for one in kinds.values()), kinds) for run_id, kinds in runs.items()]
    return sorted(found, key=lambda one: (one.time, one.run_id))


def choose(sets: list[BackupSet], wanted: str | None) -> BackupSet:
    """The newest complete backup, or the one that is named by its run or by one of its snapshots.

    Raises:
        InputError: there is none of that name, or it was cut off.
        BackupError: there is no backup at all.
    """
    complete = [one for one in sets if one.complete]
    if wanted is None:
        if not complete:
            raise BackupError("there is no complete backup of this environment in the repository")
        return complete[-1]
    named = [
        one
        for one in sets
        if one.run_id == wanted or (len(wanted) >= 8 and any(s.id.startswith(wanted) for s in one.snapshots.values()))
    ]
    if len(named) != 1:
        newest = ", ".join(one.run_id for one in complete[-3:]) or "none"
        raise InputError(
            f"there is no backup {wanted}" if not named else f"{wanted} is more than one backup",
            hint=f"orthancgen backup ENV --list; the newest: {newest}",
        )
    if not named[0].complete:
        raise InputError(f"the backup {wanted} was cut off before its end: nothing is restored from it")
    return named[0]
