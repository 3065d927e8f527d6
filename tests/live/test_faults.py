"""Nothing is ever lost: whatever is killed, hangs or is replaced, the records equal Orthanc's inventory in the end."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from pydicom import dcmread

from orthancgen.dicom.peer import Peer
from orthancgen.dicom.send import send_files
from tests.support import faults
from tests.support.faults import Probe, Sender, Stack, inventory, records, tell, wait_equal
from tests.support.proof import ProofFigures
from tests.support.servers import OrthancServer

pytestmark = pytest.mark.live

WEBHOOK_SECONDS = 2
"""How long the shipped base.yaml lets Orthanc wait for the backend; its REST API stands still meanwhile."""

PACE = 60.0
"""Instances a second of the sender whose peers are killed: slow enough that it sends through all kills."""


@pytest.fixture
def fresh_stack(tmp_path: Path, state_root: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """An environment for one test alone."""
    with faults.deployed(tmp_path, state_root, f"kills{request.node.callspec.params['kills']}") as deployed:
        yield deployed


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, state_root: Path) -> Iterator[Stack]:
    """One environment for the tests that leave it whole; what it holds grows from test to test."""
    with faults.deployed(tmp_path_factory.mktemp("f"), state_root, "outages") as deployed:
        yield deployed


def stored_digests(stack: Stack) -> dict[str, str]:
    """{SOPInstanceUID: SHA-256 of the pixel data} of everything Orthanc can still read back."""
    digests = {}
    with stack.orthanc() as client:
        for key, (uid, *_) in inventory(stack).instances.items():
            content = client.get(f"/instances/{key}/frames/0/raw").raise_for_status().content
            digests[uid] = hashlib.sha256(content).hexdigest()
    return digests


@pytest.mark.parametrize(
    ("kills", "studies", "series", "slices", "seed"),
    [
        pytest.param(6, 4, 2, 50, 20260102, id="6-kills-400-instances"),
        pytest.param(30, 10, 4, 50, 20260103, id="30-kills-2000-instances", marks=pytest.mark.proof),
    ],
)
def test_services_killed_while_instances_are_stored(
    fresh_stack: Stack,
    tmp_path: Path,
    kills: int,
    studies: int,
    series: int,
    slices: int,
    seed: int,
    proof_figures: ProofFigures,
) -> None:
    stack = fresh_stack
    files = faults.write_studies(tmp_path / "in", f"kills-{seed}", studies, series, slices, size=256)
    schedule = faults.kill_schedule(seed, kills, len(files))
    sender = Sender(files, stack.peer, most_per_second=PACE).start()
    killed = faults.carry_out(stack, schedule, sender)
    sender.join(240)
    stack.wait_healthy()
    healthy = time.monotonic()
    wait_equal(stack)
    tell(
        proof_figures,
        "instances stored while services are killed (SIGKILL)",
        len(files),
        kills=dict(killed),
        seed=seed,
        storing_seconds=round(sender.seconds, 1),
        broken_associations=sender.breaks,
        confirmed_and_lost=len(sender.confirmed - set(inventory(stack).uids)),
        seconds_from_healthy_to_equal=round(time.monotonic() - healthy, 1),
        files_without_an_instance=faults.orphan_files(stack),
        reasons=dict(sender.failures),
    )
    held = inventory(stack)
    assert sum(killed.values()) == kills
    assert set(killed) == set(faults.SERVICES)
    assert sender.confirmed == set(files.values())
    assert held.uids == sorted(files.values())  # nothing that was confirmed is lost, nothing is there twice
    assert records(stack) == held
    sent = {uid: hashlib.sha256(dcmread(path).PixelData).hexdigest() for path, uid in files.items()}
    assert stored_digests(stack) == sent


Fault = Callable[[Stack], AbstractContextManager[faults.Impostor | None]]
FAULTS: Mapping[str, Fault] = {
    "backend stopped": lambda stack: faults.stopped(stack, "backend"),
    "backend answers 500": faults.failing_backend,
    "backend answers after 1.5 s": lambda stack: faults.slow_backend(stack, 1.5),
    "backend never answers": faults.silent_backend,
    "backend frozen": lambda stack: faults.frozen(stack, "backend"),
    "database stopped": lambda stack: faults.stopped(stack, "database"),
    "database frozen": lambda stack: faults.frozen(stack, "database"),
}
SAMPLE_SECONDS = {
    "backend stopped": 4.0,
    "backend answers 500": 4.0,
    "backend answers after 1.5 s": 6.0,
    "backend never answers": 6.0,
    "database stopped": 4.0,
}
SLOW = ("backend answers after 1.5 s", "backend never answers")
"""Each poke holds up REST; the Lua script lets few of them happen."""


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        *[pytest.param(name, seconds, id=f"{name}-{seconds:g}s") for name, seconds in SAMPLE_SECONDS.items()],
        *[pytest.param(name, 60.0, id=f"{name}-60s", marks=pytest.mark.proof) for name in FAULTS],
    ],
)
def test_outage_loses_nothing_and_orthanc_stays_responsive(
    stack: Stack, tmp_path: Path, name: str, seconds: float, proof_figures: ProofFigures
) -> None:
    run = f"outage-{hashlib.sha256(name.encode()).hexdigest()[:8]}-{seconds:g}"
    baseline = Modality(stack, tmp_path / "before", f"{run}-b")
    with Probe(stack) as quiet:
        baseline.send_for(1.0)
    wait_equal(stack)
    during = Modality(stack, tmp_path / "during", f"{run}-d")
    began = time.monotonic()
    with FAULTS[name](stack) as impostor:
        if name in SLOW:  # Orthanc may still rest after a poke before
            stack.stop("orthanc")
            stack.start("orthanc")
        with Probe(stack) as probe:
            during.send_for(seconds)
            victim = next(iter(inventory(stack).series))
            with stack.orthanc() as client:
                client.delete(f"/series/{victim}").raise_for_status()
        before_end = inventory(stack)
        restored = time.monotonic()
    converged = wait_equal(stack)
    pokes = impostor.requests if impostor else None
    tell(
        proof_figures,
        f"instances stored while: {name}, {seconds:g} s",
        during.sent,
        lost=len(before_end.instances.keys() - records(stack).instances.keys()),
        instances_per_second=round(during.rate),
        before=round(baseline.rate),
        REST=probe.latencies,
        REST_before=quiet.latencies,
        pokes=pokes,
        seconds_from_restored_to_equal=round(time.monotonic() - restored, 1),
        seconds_from_healthy_to_equal=round(converged, 1),
    )
    held = inventory(stack)
    assert held == before_end
    assert victim not in held.series
    assert during.rate > baseline.rate / 10  # held up by each poke it were a hundredth
    assert probe.latencies.errors == 0
    assert probe.latencies.longest < WEBHOOK_SECONDS + max(3, 10 * quiet.latencies.longest)
    if name in SLOW:
        assert pokes is not None
        assert 1 <= pokes <= 2 + (restored - began) / 20


class Modality:
    """Stores studies of 25 slices, one after the other over an association each, and fails when one is refused."""

    SLICES = 25
    PAUSE_SECONDS = 0.1

    def __init__(self, stack: Stack, folder: Path, run: str) -> None:
        self._stack = stack
        self._folder = folder
        self._run = run
        self.sent = 0
        self._seconds = 0.0

    @property
    def rate(self) -> float:
        """Instances a second while it was sending."""
        return self.sent / self._seconds

    def send_for(self, seconds: float) -> None:
        """Sends until so much time has gone by."""
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            files = faults.write_studies(self._folder / str(number), f"{self._run}-{number}", 1, 1, self.SLICES)
            started = time.monotonic()
            result = send_files(files, self._stack.peer, associations=1)
            self._seconds += time.monotonic() - started
            assert result.ok, result.failure_counts()
            self.sent += result.sent
            number += 1
            time.sleep(self.PAUSE_SECONDS)


@pytest.fixture(scope="module")
def small_stack(tmp_path_factory: pytest.TempPathFactory, state_root: Path) -> Iterator[Stack]:
    """An environment with little in it, so that another storage may have gone further than it."""
    with faults.deployed(tmp_path_factory.mktemp("r"), state_root, "replaced") as deployed:
        yield deployed


@pytest.mark.parametrize("by", ["an older copy", "another storage", "an empty one"])
@pytest.mark.parametrize("backend", ["stopped", "running"])
def test_orthanc_storage_replaced(
    small_stack: Stack, tmp_path: Path, by: str, backend: str, proof_figures: ProofFigures
) -> None:
    stack = small_stack
    run = hashlib.sha256(f"{by} {backend}".encode()).hexdigest()[:8]
    store(stack.peer, tmp_path / "a", f"{run}-a", 20)
    source = SOURCES[by](stack, tmp_path)
    store(stack.peer, tmp_path / "b", f"{run}-b", 15)
    wait_equal(stack)
    replaced = inventory(stack)
    if backend == "stopped":
        stack.stop("backend")
    stack.stop("orthanc")
    faults.replace_folder(source, stack.storage)
    stack.start("orthanc")
    assert inventory(stack).instances.keys() != replaced.instances.keys()
    # It goes on differently: the numbers of its changes come to mean other instances than before, in an older copy up
    # to below the last one that the backend has seen, or beyond.
    store(stack.peer, tmp_path / "c", f"{run}-c", 30 if backend == "stopped" else 10)
    after = inventory(stack)
    if backend == "stopped":
        stack.start("backend")
    converged = wait_equal(stack)
    tell(
        proof_figures,
        f"records after Orthanc's storage was replaced by {by}, backend {backend}",
        len(after.instances),
        before=len(replaced.instances),
        seconds_to_equal=round(converged, 1),
    )
    assert records(stack) == after
    assert records(stack) == inventory(stack)


def test_database_replaced_by_an_older_copy(small_stack: Stack, tmp_path: Path, proof_figures: ProofFigures) -> None:
    stack = small_stack
    store(stack.peer, tmp_path / "a", "database-a", 20)
    wait_equal(stack)
    stack.stop("backend", "database")
    shutil.copytree(stack.state.data / "database", tmp_path / "copy")
    stack.start("database", "backend")
    with stack.orthanc() as client:
        client.delete(f"/studies/{next(iter(inventory(stack).studies))}").raise_for_status()
    store(stack.peer, tmp_path / "b", "database-b", 15)
    wait_equal(stack)
    stack.stop("backend", "database")
    faults.replace_folder(tmp_path / "copy", stack.state.data / "database")
    stack.start("database", "backend")
    seconds = round(wait_equal(stack), 1)
    count = len(records(stack).instances)
    tell(proof_figures, "records after the database was replaced by an older copy", count, seconds_to_equal=seconds)


def test_every_service_killed_at_once_and_right_after_its_start(
    small_stack: Stack, tmp_path: Path, proof_figures: ProofFigures
) -> None:
    stack = small_stack
    store(stack.peer, tmp_path / "a", "at-once", 20)
    before = inventory(stack)
    victims: list[int] = []
    started = time.monotonic()
    for _ in range(3):  # the second and third time as soon as supervisor has started them again
        victims += [stack.kill(name) for name in faults.SERVICES]
    stack.wait_healthy()
    healthy = round(time.monotonic() - started, 1)
    wait_equal(stack)
    tell(proof_figures, "kills of every service at once and right after its start", len(victims), seconds=healthy)
    assert len(set(victims)) == 3 * len(faults.SERVICES)
    assert inventory(stack) == before
    assert records(stack) == before


def store(peer: Peer, folder: Path, run: str, slices: int) -> None:
    """Stores one new series."""
    files = faults.write_studies(folder, run, 1, 1, slices)
    result = send_files(files, peer)
    assert result.ok, result.failure_counts()


def copy_of_storage(stack: Stack, folder: Path) -> Path:
    """A backup of Orthanc's storage, taken while Orthanc is stopped."""
    with faults.stopped(stack, "orthanc"):
        shutil.copytree(stack.storage, folder / "copy")
    return folder / "copy"


def other_storage(stack: Stack, folder: Path) -> Path:
    """The storage of another Orthanc, whose changes have gone further than those of this one."""
    last = int(stack.get("/changes?last")["Last"])
    with OrthancServer(folder / "other") as other:
        peer = Peer("127.0.0.1", other.dicom_port, other.aet, "FAULTS")
        store(peer, folder / "o", f"other-{folder.name}"[:30], last + 50)
        assert other.get("/changes?last")["Last"] > last
    return folder / "other" / "storage"


def no_storage(stack: Stack, folder: Path) -> None:
    """Nothing: Orthanc begins with an empty storage."""


SOURCES: Mapping[str, Callable[[Stack, Path], Path | None]] = {
    "an older copy": copy_of_storage,
    "another storage": other_storage,
    "an empty one": no_storage,
}
