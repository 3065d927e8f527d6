"""A deployed environment to do harm to: services killed, frozen and replaced, and what Orthanc and the database hold.

Everything acts on one environment that `deployed` brought up, through its own supervisor and by its own process ids.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
import pymongo
import pymongo.errors
import yaml
from pymongo.database import Database

from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.dicom.send import Progress, send_files
from orthancgen.dicom.synthetic import ct_series
from orthancgen.orthanc.detect import installed_version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.backend_json import DATABASE_USER
from orthancgen.resources import locate
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.native.deploy import deploy
from orthancgen.runtimes.native.health import PROBES
from orthancgen.runtimes.native.running import stop
from orthancgen.runtimes.native.state import State, state_of
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.runtimes.report import Silent
from orthancgen.site.load import load
from tests.support.proof import ProofFigures
from tests.support.servers import free_port, require_program, wait_until

MOMENT = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  DICOM's DA and TM carry no zone
SERVICES: tuple[ServiceName, ...] = ("orthanc", "backend", "database")
HEALTHY_SECONDS = 60.0


def tell(figures: ProofFigures, what: str, count: int, **seen: object) -> None:
    """Prints what was measured, and keeps it for `make proof`."""
    text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in seen.items())
    print(f"\n{what}: {count}, {text}")  # noqa: T201
    figures(what, count, text)


# --- the environment -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stack:
    """A deployed environment: Orthanc, database and backend under supervisor."""

    plan: Plan
    state: State
    access: Access
    killed: set[int] = field(default_factory=set)

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor of the environment."""
        return Supervisor(self.state)

    @property
    def peer(self) -> Peer:
        """Orthanc as a C-STORE SCP."""
        site = self.plan.site
        return Peer("127.0.0.1", site.dicom.port, site.orthanc.aet, "FAULTS", timeouts=Timeouts(5, 10, 20))

    @property
    def storage(self) -> Path:
        """Orthanc's index and images."""
        return self.state.data / "orthanc"

    def pid(self, name: ServiceName) -> int:
        """Process id of a service; 0 while it does not run."""
        return self.supervisor.processes()[name].pid

    def healthy(self, name: ServiceName) -> bool:
        """Whether a service passes the same probe as at a deploy."""
        return PROBES[name](self.plan, self.access) is None

    def wait_healthy(self, *names: ServiceName) -> None:
        """Waits for the health of the services, all of them without names."""
        for name in names or SERVICES:
            wait_until(partial(self.healthy, name), seconds=HEALTHY_SECONDS, what=f"{name} healthy")

    def stop(self, *names: ServiceName) -> None:
        """Stops services in order, as an operator would."""
        for name in names:
            self.supervisor.stop_services([name])

    def start(self, *names: ServiceName) -> None:
        """Starts services and waits for their health."""
        for name in names:
            self.supervisor.start_service(name)
        self.wait_healthy(*names)

    def kill(self, name: ServiceName, *, seconds: float = HEALTHY_SECONDS) -> int:
        """SIGKILL as soon as the service has a process; returns its id. Supervisor is left to bring it back."""
        deadline = time.monotonic() + seconds
        while True:
            pid = self.pid(name)
            if pid and pid not in self.killed:  # supervisor may not have noticed yet that one is dead
                with suppress(ProcessLookupError):  # it ended by itself in between
                    os.kill(pid, signal.SIGKILL)
                    self.killed.add(pid)
                    return pid
            if time.monotonic() > deadline:
                state = self.supervisor.processes()[name].state
                raise AssertionError(f"supervisor did not bring {name} back in {seconds:g} s: {state}")
            time.sleep(0.02)

    def orthanc(self) -> httpx.Client:
        """A client of Orthanc's REST API, as its administrator."""
        return httpx.Client(
            base_url=self.access.orthanc_url, auth=self.access.orthanc_login, timeout=60.0, trust_env=False
        )

    def get(self, path: str) -> Any:
        """JSON of one GET of Orthanc."""
        with self.orthanc() as client:
            return client.get(path).raise_for_status().json()

    def backend_status(self) -> Any:
        """What the backend says of its delivery."""
        headers = self.access.backend_headers
        return httpx.get(f"{self.access.backend_url}/api/status", headers=headers, trust_env=False).json()


def environment_file(folder: Path, name: str) -> Path:
    """An environment on free ports, over the shipped base.yaml."""
    document: dict[str, object] = {
        "extends": str(locate("environments") / "base.yaml"),
        "environment": name,
        "kind": "development",
        "orthanc": {"name": "orthancgen faults", "version": "auto", "aet": "FAULTS_AE", "plugins": []},
        "dicom": {
            "port": free_port(),
            "ae_checks": {"called_aet": True, "calling_aet": "anyone", "anyone_may": ["echo", "store"]},
        },
        "http": {"port": free_port()},
        "backend": {"port": free_port(), "database": {"port": free_port()}},
        "runtime": "native",
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


@contextmanager
def deployed(folder: Path, root: Path, name: str) -> Iterator[Stack]:
    """A deployed environment, stopped at the end of the block.

    Args:
        folder: where its file goes.
        root: the folder of all states.
        name: the environment's name.
    """
    for program in ("Orthanc", "secantusd-py"):
        require_program(program)
    loaded = load(environment_file(folder, name), installed_version)
    plan = build_plan(loaded.require(), loaded.version)
    state = state_of(name, root)
    try:
        done = deploy(plan, state, Silent())
        yield Stack(plan, state, done.access)
    finally:
        stop(state)


# --- what is held ----------------------------------------------------------------------------------------------------


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
        stack.access.database_host, database.port, directConnection=True, username=DATABASE_USER,
        password=stack.access.database_password.reveal(), authSource=database.name, serverSelectionTimeoutMS=5000,
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


def wait_equal(stack: Stack, *, seconds: float = 90.0) -> float:
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


# --- senders ---------------------------------------------------------------------------------------------------------


def write_studies(folder: Path, run: str, studies: int, series: int, slices: int, *, size: int = 64) -> dict[Path, str]:
    """Writes CT files of `studies` patients; {path: SOPInstanceUID} in the order of sending."""
    folder.mkdir(parents=True)
    files = {}
    for study in range(studies):
        for number in range(1, series + 1):
            slices_of = ct_series(f"{run}-{study}", MOMENT, slices, rows=size, columns=size, series=number)
            for one in slices_of:
                path = folder / f"{study:03}-{number:03}-{one.index:06}.dcm"
                path.write_bytes(one.data)
                files[path] = one.sop_instance_uid
    return files


class Sender:
    """A modality that sends again what was not confirmed, until everything is; runs in a thread of its own.

    Attributes:
        confirmed: SOPInstanceUIDs of files that Orthanc confirmed.
        reached: how many were confirmed by now, those of the call at work included.
        calls: how often `send_files` was called.
        breaks: how many associations broke.
        failures: why files were not confirmed, with how often.
        seconds: how long it took.
    """

    def __init__(
        self, files: Mapping[Path, str], peer: Peer, *, associations: int = 4, most_per_second: float = math.inf
    ) -> None:
        self._files = dict(files)
        self._peer = peer
        self._associations = associations
        self._pause_seconds = 1 / most_per_second
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._error: BaseException | None = None
        self.confirmed: set[str] = set()
        self.reached = 0
        self.calls = 0
        self.breaks = 0
        self.failures: Counter[str] = Counter()
        self.seconds = 0.0

    def start(self) -> Self:
        """Begins to send."""
        self._thread.start()
        return self

    @property
    def done(self) -> bool:
        """Whether everything is confirmed; raises what ended it early."""
        if self._error is not None:
            raise self._error
        return len(self.confirmed) == len(self._files)

    def reaches(self, count: int) -> bool:
        """Whether so many are confirmed by now."""
        return self.reached >= count or self.done

    def join(self, seconds: float) -> None:
        """Waits until everything is confirmed; AssertionError after so long."""
        self._thread.join(seconds)
        assert self.done, f"{len(self.confirmed)} of {len(self._files)} confirmed after {seconds:g} s: {self.failures}"

    def _run(self) -> None:
        started = time.monotonic()
        try:
            while remaining := [path for path, uid in self._files.items() if uid not in self.confirmed]:
                self._send(remaining)
                time.sleep(0.1)
        except BaseException as error:
            self._error = error
        self.seconds = time.monotonic() - started

    def _send(self, paths: Sequence[Path]) -> None:
        before = len(self.confirmed)

        def note(progress: Progress) -> None:
            fresh = before + progress.done - progress.failed - self.reached
            self.reached += fresh
            if fresh > 0:
                time.sleep(fresh * self._pause_seconds)  # holds up every association: the sender's lock is held

        result = send_files(paths, self._peer, associations=self._associations, backoff_seconds=0.1, progress=note)
        assert not result.skipped, result.skip_counts()
        self.calls += 1
        self.breaks += result.breaks
        self.failures.update(dict(result.failure_counts()))
        failed = {report.path for report in result.failed}
        self.confirmed |= {self._files[path] for path in paths if path not in failed}
        self.reached = len(self.confirmed)


# --- harm ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kill:
    """One SIGKILL: when so many instances are confirmed and this much time has gone by since."""

    at_confirmed: int
    seconds_later: float
    service: ServiceName


def kill_schedule(seed: int, kills: int, instances: int) -> list[Kill]:
    """Kills at random moments of the storing, each service equally often, in random order."""
    rng = random.Random(seed)
    services = [SERVICES[number % len(SERVICES)] for number in range(kills)]
    rng.shuffle(services)
    moments = sorted(rng.uniform(0.02, 1.0) for _ in services)
    return [
        Kill(int(moment * instances), rng.uniform(0, 0.3), service)
        for moment, service in zip(moments, services, strict=True)
    ]


def carry_out(stack: Stack, schedule: Sequence[Kill], sender: Sender) -> Counter[str]:
    """Kills as scheduled while the sender sends; returns how often each service was killed."""
    killed: Counter[str] = Counter()
    for kill in schedule:
        wait_until(partial(sender.reaches, kill.at_confirmed), seconds=120, what=f"{kill.at_confirmed} confirmed")
        time.sleep(kill.seconds_later)
        stack.kill(kill.service)
        killed[kill.service] += 1
    return killed


@contextmanager
def stopped(stack: Stack, name: ServiceName) -> Iterator[None]:
    """A service is stopped for the length of the block."""
    stack.stop(name)
    try:
        yield
    finally:
        stack.start(name)


@contextmanager
def frozen(stack: Stack, name: ServiceName) -> Iterator[None]:
    """A service's process hangs (SIGSTOP): its port takes connections, and nothing answers."""
    pid = stack.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        stack.wait_healthy(name)


@dataclass
class Impostor:
    """What a server in the backend's place saw: how many requests."""

    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> None:
        """One request more."""
        with self.lock:
            self.requests += 1


@contextmanager
def failing_backend(stack: Stack) -> Iterator[Impostor]:
    """In the backend's place, a server that answers everything with 500."""
    with _impostor(stack, lambda _: (500, {"error": "broken on purpose"})) as impostor:
        yield impostor


@contextmanager
def slow_backend(stack: Stack, seconds: float) -> Iterator[Impostor]:
    """In the backend's place, a server that acknowledges each poke after so long."""

    def answer(poke: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
        time.sleep(seconds)
        return 202, {"ack": poke["id"]}

    with _impostor(stack, answer) as impostor:
        yield impostor


@contextmanager
def _impostor(stack: Stack, answer: Callable[[Mapping[str, str]], tuple[int, Mapping[str, str]]]) -> Iterator[Impostor]:
    impostor = Impostor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            impostor.count()
            status, document = answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(document, separators=(",", ":")).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # Orthanc did not wait for it
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            pass

    with stopped(stack, "backend"):
        server = ThreadingHTTPServer(("127.0.0.1", stack.plan.site.backend.port), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield impostor
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@contextmanager
def silent_backend(stack: Stack) -> Iterator[Impostor]:
    """In the backend's place, a server that takes every connection and never says a word."""
    impostor = Impostor()
    taken: list[socket.socket] = []
    done = threading.Event()

    def serve(server: socket.socket) -> None:
        while not done.is_set():
            with suppress(TimeoutError):
                taken.append(server.accept()[0])
                impostor.count()

    with stopped(stack, "backend"):
        server = socket.create_server(("127.0.0.1", stack.plan.site.backend.port))
        server.settimeout(0.05)
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield impostor
        finally:
            done.set()
            thread.join()
            for one in [*taken, server]:
                one.close()


# --- how Orthanc feels -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Latencies:
    """How long Orthanc's REST API took, in seconds."""

    count: int
    p50: float
    p95: float
    longest: float
    errors: int

    def __str__(self) -> str:
        milliseconds = (f"{seconds * 1000:.1f}" for seconds in (self.p50, self.p95, self.longest))
        return f"p50/p95/max {'/'.join(milliseconds)} ms of {self.count}"


class Probe:
    """Asks Orthanc ``GET /system`` and ``GET /changes?limit=1`` in turn, every 50 ms, in a thread of its own."""

    PATHS = ("/system", "/changes?limit=1")
    INTERVAL_SECONDS = 0.05

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)
        self._seconds: list[float] = []
        self._errors = 0

    def _run(self) -> None:
        with self._stack.orthanc() as client:
            number = 0
            while not self._done.wait(self.INTERVAL_SECONDS):
                started = time.monotonic()
                try:
                    client.get(self.PATHS[number % len(self.PATHS)]).raise_for_status()
                except httpx.HTTPError:
                    self._errors += 1
                self._seconds.append(time.monotonic() - started)
                number += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def latencies(self) -> Latencies:
        """What was seen."""
        times = sorted(self._seconds)
        assert times, "nothing was asked"

        def quantile(share: float) -> float:
            return times[max(0, math.ceil(share * len(times)) - 1)]

        return Latencies(len(times), quantile(0.5), quantile(0.95), times[-1], self._errors)


def replace_folder(source: Path | None, target: Path) -> None:
    """`target` becomes a copy of `source`, or empty without one; its owner stays."""
    owner = target.stat()
    shutil.rmtree(target)
    if source is None:
        target.mkdir(mode=0o700)
    else:
        shutil.copytree(source, target)
    for path in [target, *target.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
