"""What Orthanc and the database hold, compared record by record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pymongo
import pymongo.errors
from pymongo.database import Database

from orthancgen.plan.addresses import LOOPBACK
from orthancgen.render.backend_json import DATABASE_USER
from tests.support.faults.stack import Stack


@dataclass(frozen=True)
class Holdings:
    """What a store holds, by Orthanc's identifiers.

    Attributes:
        instances: (SOPInstanceUID, series, size in bytes, name of the stored file).
        series: (SeriesInstanceUID, study, instances).
        studies: (StudyInstanceUID, patient, series, instances).
        patients: (PatientID, studies, series, instances).
    """

    instances: Mapping[str, tuple[str, str, int, str]]
    series: Mapping[str, tuple[str, str, int]]
    studies: Mapping[str, tuple[str, str, int, int]]
    patients: Mapping[str, tuple[str, int, int, int]]

    @property
    def uids(self) -> list[str]:
        """The SOPInstanceUIDs, sorted; one that stands twice is held twice."""
        return sorted(row[0] for row in self.instances.values())

    def difference(self, other: Holdings) -> str:
        """Where the two differ, for a reader; empty where they are equal."""
        lines = []
        for level in ("instances", "series", "studies", "patients"):
            mine, theirs = getattr(self, level), getattr(other, level)
            only_mine, only_theirs = mine.keys() - theirs.keys(), theirs.keys() - mine.keys()
            unequal = [key for key in mine.keys() & theirs.keys() if mine[key] != theirs[key]]
            if only_mine or only_theirs or unequal:
                example = [(mine[key], theirs[key]) for key in sorted(unequal)[:2]]
                counts = f"{len(only_mine)} here alone, {len(only_theirs)} there alone, {len(unequal)} unequal"
                lines.append(f"{level}: {counts} {example}")
        return "; ".join(lines)


def inventory(stack: Stack) -> Holdings:
    """What Orthanc holds, by its REST API."""
    instances = {row["ID"]: row for row in stack.get("/instances?expand")}
    series = {row["ID"]: row for row in stack.get("/series?expand")}
    studies = {row["ID"]: row for row in stack.get("/studies?expand")}
    patients = {row["ID"]: row for row in stack.get("/patients?expand")}
    in_study = {key: sum(len(series[child]["Instances"]) for child in row["Series"]) for key, row in studies.items()}
    return Holdings(
        instances={
            key: (row["MainDicomTags"]["SOPInstanceUID"], row["ParentSeries"], row["FileSize"], row["FileUuid"])
            for key, row in instances.items()
        },
        series={
            key: (row["MainDicomTags"]["SeriesInstanceUID"], row["ParentStudy"], len(row["Instances"]))
            for key, row in series.items()
        },
        studies={
            key: (row["MainDicomTags"]["StudyInstanceUID"], row["ParentPatient"], len(row["Series"]), in_study[key])
            for key, row in studies.items()
        },
        patients={
            key: (
                row["MainDicomTags"]["PatientID"],
                len(row["Studies"]),
                sum(len(studies[child]["Series"]) for child in row["Studies"]),
                sum(in_study[child] for child in row["Studies"]),
            )
            for key, row in patients.items()
        },
    )


@contextmanager
def database_of(stack: Stack) -> Iterator[Database[dict[str, Any]]]:
    """The database of the backend, as its account."""
    database = stack.plan.site.backend.database
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        LOOPBACK, database.port, directConnection=True, username=DATABASE_USER,
        password=stack.access.database_password.reveal(), authSource=database.name, serverSelectionTimeoutMS=30_000,
    )  # fmt: skip
    with client:
        yield client[database.name]


def records(stack: Stack) -> Holdings:
    """What the database holds, read from it directly."""
    with database_of(stack) as db:
        return Holdings(
            instances={
                row["_id"]: (row["sop_instance_uid"], row["parent_series"], row["size_bytes"], row["file_uuid"])
                for row in db["instances"].find()
            },
            series={
                row["_id"]: (row["series_instance_uid"], row["parent_study"], row["number_of_instances"])
                for row in db["series"].find()
            },
            studies={
                row["_id"]: (
                    row["study_instance_uid"], row["parent_patient"],
                    row["number_of_series"], row["number_of_instances"],
                )
                for row in db["studies"].find()
            },
            patients={
                row["_id"]: (
                    row["patient_id"], row["number_of_studies"], row["number_of_series"], row["number_of_instances"],
                )
                for row in db["patients"].find()
            },
        )  # fmt: skip


def count_difference(stack: Stack) -> str:
    """Where the numbers of instances differ: cheap, so that asking does not hold up what is waited for."""
    there = int(stack.get("/statistics")["CountInstances"])
    with database_of(stack) as db:
        here = db["instances"].count_documents({})
    return "" if here == there else f"{there} instances in Orthanc, {here} recorded"


def wait_equal(stack: Stack, *, seconds: float = 240.0) -> float:
    """Waits until the records equal Orthanc's inventory; returns after how many seconds.

    Raises:
        AssertionError: they still differ after so long; says where.
    """
    started = time.monotonic()
    while True:
        try:
            difference = count_difference(stack) or inventory(stack).difference(records(stack))
        except (httpx.HTTPError, pymongo.errors.PyMongoError) as error:
            difference = f"cannot be asked: {type(error).__name__}: {error}"
        if not difference:
            return time.monotonic() - started
        if time.monotonic() - started > seconds:
            raise AssertionError(f"Orthanc's inventory and the records differ after {seconds:g} s: {difference}")
        time.sleep(0.1)


def orphan_files(stack: Stack) -> int:
    """Files in Orthanc's storage that no instance has: what a crash between writing and indexing leaves."""
    known = {row[3] for row in inventory(stack).instances.values()}
    names = {path.name for path in stack.storage.glob("??/??/*") if path.is_file()}
    return len(names - known)
