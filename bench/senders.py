"""Who sends: DCMTK's dcmsend, our engine, and our command line; each says how many seconds the whole of it took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from bench.site import Running, WrongCountError
from orthancgen.dicom.send import DEFAULT_ASSOCIATIONS, send_files
from orthancgen.dicom.synthetic import write_series

INSTANCES = 2000
QUICK_INSTANCES = 40
ROWS = COLUMNS = 256
PARALLEL = DEFAULT_ASSOCIATIONS
MOMENT = datetime(2025, 1, 2, 3, 4, 5)  # noqa: DTZ001  a DICOM time without a zone

Sender = Callable[[Running, Path], float]


def write_work(folder: Path, count: int) -> Path:
    """A folder with `count` CT slices, in as many subfolders as there are parallel senders."""
    work = folder / "ct"
    each = -(-count // PARALLEL)
    left = count
    for number in range(PARALLEL):
        write_series(work / str(number), f"bench-{number}", MOMENT, min(each, left), rows=ROWS, columns=COLUMNS)
        left -= min(each, left)
    return work


def dcmsend(running: Running, work: Path) -> float:
    """One process, one association, with TCP_NODELAY=1: without it DCMTK waits 40 ms for each instance."""
    return _timed([_dcmsend(running, [work])])


def dcmsend_parallel(running: Running, work: Path) -> float:
    """As many processes at once as our engine opens associations, each with its share."""
    return _timed([_dcmsend(running, [part]) for part in sorted(work.iterdir())])


def engine(running: Running, work: Path) -> float:
    """``send_files`` in this process, imported already."""
    started = time.perf_counter()
    result = send_files([work], running.peer)
    seconds = time.perf_counter() - started
    if not result.ok:
        raise WrongCountError(f"send: {result.sent} of {result.instances}: {result.failure_counts()}")
    return seconds


def command_line(running: Running, work: Path) -> float:
    """``orthancgen send`` as a whole process: start, imports, the environment, scanning, sending."""
    return _timed([[sys.executable, "-m", "orthancgen", "send", str(running.environment), str(work)]])


def _dcmsend(running: Running, folders: Iterable[Path]) -> list[str]:
    called, port = running.peer.called_aet, running.peer.port
    options = ["-aet", "ORTHANCGEN", "-aec", called, "+sd", "+r"]
    return ["dcmsend", *options, "127.0.0.1", str(port), *map(str, folders)]


def _timed(commands: Sequence[Sequence[str]]) -> float:
    environment = os.environ | {"TCP_NODELAY": "1"}
    started = time.perf_counter()
    processes = [
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    printed = [process.communicate()[0] for process in processes]
    seconds = time.perf_counter() - started
    for process, text in zip(processes, printed, strict=True):
        if process.returncode != 0:
            raise WrongCountError(f"{process.args!r} ended with {process.returncode}:\n{text[-2000:]}")
    return seconds
