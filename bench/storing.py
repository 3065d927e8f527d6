"""Does the stack behind Orthanc slow what modalities see, and how soon are the records there? Against Orthanc alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from bench.figures import Figure, Result, Size, Target, alternate, ratio
from bench.senders import INSTANCES, QUICK_INSTANCES, Sender, dcmsend, engine, write_work
from bench.site import running_site

STORE_RATE = Target("at least", 0.95)
RECORD_TIME = Target("at most", 1.15)
SENDERS: Mapping[str, Sender] = {"dcmsend": dcmsend, "orthancgen send": engine}


def measure(size: Size, folder: Path) -> Result:
    """C-STORE to the whole stack against the same Orthanc alone, by two senders."""
    count = size.of(INSTANCES, QUICK_INSTANCES)
    work = write_work(folder, count)
    figures: list[Figure] = []
    for name, sender in list(SENDERS.items())[: size.of(len(SENDERS), 1)]:
        figures += _with(name, sender, size.rounds, work, count, folder)
    return Result(
        "store",
        f"C-STORE of {count} CT slices of 256 x 256, fresh storage for each run: the whole stack (Orthanc, webhook, "
        "backend, database) against Orthanc alone with the same orthanc.json, both deployed by the native runtime",
        tuple(figures),
        (
            "A rate is instances divided by the sender's whole time. Both Orthancs run with TCP_NODELAY=1.",
            "The time of the records ends when /api/status, asked every 0.1 s, counts all; both start with the sender.",
            "Sender, Orthanc, backend and database share the processor: with few cores the backend slows the sender.",
        ),
        not size.quick,
    )


def _with(name: str, sender: Sender, rounds: int, work: Path, count: int, folder: Path) -> list[Figure]:
    stack, alone, recorded = f"{name} to the stack, s", f"{name} to Orthanc alone, s", f"{name} until on record, s"

    def to_stack() -> Mapping[str, float]:
        with running_site(folder, backend=True) as running:
            started = time.perf_counter()
            seconds = sender(running, work)
            running.wait_recorded(count)
            until_recorded = time.perf_counter() - started
            running.require_stored(count)
        return {stack: seconds, recorded: until_recorded}

    def to_orthanc_alone() -> Mapping[str, float]:
        with running_site(folder, backend=False) as running:
            seconds = sender(running, work)
            running.require_stored(count)
        return {alone: seconds}

    measured = alternate(rounds, to_stack, to_orthanc_alone)
    return [
        ratio(f"rate of C-STORE by {name}, stack / Orthanc alone", measured, alone, stack, STORE_RATE),
        ratio(
            f"time until every record is there, by {name}, stack / bare store", measured, recorded, alone, RECORD_TIME
        ),
    ]
