"""What several Orthancs and backends bring on one machine: the same images to two and four, and to one of each."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Result, Size, alternate, ratio
from bench.senders import INSTANCES, QUICK_INSTANCES, write_work
from bench.site import POLL_SECONDS, RECORDS_SECONDS, WrongCountError
from tests.support.servers import require_dcmtk
from tests.support.shared_index import Shared, sharing


def measure(size: Size, folder: Path) -> Result:
    """C-STORE to two Orthancs on one PostgreSQL with four backends, against one of each."""
    count = size.of(INSTANCES, QUICK_INSTANCES)
    work = write_work(folder, count)
    one_stored, one_recorded = "one and one: store, s", "one and one: until on record, s"
    two_stored, two_recorded = "two and four: store, s", "two and four: until on record, s"

    def one() -> Mapping[str, float]:
        return dict(zip((one_stored, one_recorded), _run(folder, work, count, 1, 1), strict=True))

    def several() -> Mapping[str, float]:
        return dict(zip((two_stored, two_recorded), _run(folder, work, count, 2, 4), strict=True))

    measured = alternate(size.rounds, several, one)
    return Result(
        "scale",
        f"C-STORE of {count} CT slices by parallel dcmsend, in equal shares to each Orthanc: two Orthancs 1.13.0 on "
        "one PostgreSQL with four backends, against one Orthanc on PostgreSQL with one backend",
        (
            ratio("rate of C-STORE, two and four / one of each", measured, one_stored, two_stored, None),
            ratio("rate until on record, two and four / one of each", measured, one_recorded, two_recorded, None),
        ),
        (
            "No target: all share one machine, where several cost more than they bring; several machines were not run.",
            "After each run every image is stored once and on record once, or the run counts as failed.",
            "PostgreSQL runs with fsync=off, for both. The plugin is Debian's 5.0: its transactions are serializable.",
        ),
        not size.quick,
    )  # fmt: skip


def _run(folder: Path, work: Path, count: int, orthancs: int, backends: int) -> tuple[float, float]:
    """Seconds of the senders, and until every record is there."""
    with (
        TemporaryDirectory(dir=folder) as scratch,
        sharing(Path(scratch), orthancs, backends, apps=folder / "apps") as shared,
    ):
        _wait(lambda: shared.leader() is not None, "no backend follows Orthanc")
        started = time.perf_counter()
        senders = [_sender(shared, number, part) for number, part in enumerate(sorted(work.iterdir()))]
        if any(sender.wait() for sender in senders):
            raise WrongCountError("not every sender could store")
        stored = time.perf_counter() - started
        _wait(lambda: len(shared.records()) >= count, f"fewer than {count} records")
        recorded = time.perf_counter() - started
        uids = shared.orthancs[0].instance_uids()
        if len(set(uids)) != count or shared.records() != uids:
            raise WrongCountError(f"{len(uids)} of {count} images are stored, {len(shared.records())} on record")
        return stored, recorded


def _sender(shared: Shared, number: int, part: Path) -> subprocess.Popen[bytes]:
    orthanc = shared.orthancs[number % len(shared.orthancs)]
    command = [
        require_dcmtk("dcmsend"),
        "+sd",
        "+r",
        "-aec",
        orthanc.aet,
        "127.0.0.1",
        str(orthanc.dicom_port),
        str(part),
    ]
    return subprocess.Popen(command, env=os.environ | {"TCP_NODELAY": "1"}, stdout=subprocess.DEVNULL)


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + RECORDS_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise WrongCountError(otherwise)
        time.sleep(POLL_SECONDS)
