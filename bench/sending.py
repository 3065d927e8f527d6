"""How fast is `orthancgen send`, as an engine and as a whole command, against DCMTK's dcmsend?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.figures import Figure, Result, Size, Target, alternate, ratio
from bench.senders import (
    INSTANCES,
    PARALLEL,
    QUICK_INSTANCES,
    Sender,
    command_line,
    dcmsend,
    dcmsend_parallel,
    engine,
    write_work,
)
from bench.site import running_site

AS_FAST = Target("at least", 1.0)
Pair = tuple[str, Sender, str, Sender, Target | None]
"""Ours, the peer's, and the target."""
PAIRS: tuple[Pair, ...] = (
    ("send_files", engine, "dcmsend", dcmsend, AS_FAST),
    ("orthancgen send", command_line, "dcmsend", dcmsend, AS_FAST),
    ("send_files", engine, f"{PARALLEL} dcmsend at once", dcmsend_parallel, None),
)


def measure(size: Size, folder: Path) -> Result:
    """Rates of sending to Orthanc alone."""
    count = size.of(INSTANCES, QUICK_INSTANCES)
    work = write_work(folder, count)
    pairs = PAIRS[: size.of(len(PAIRS), 1)]
    return Result(
        "send",
        f"C-STORE of {count} CT slices of 256 x 256 in {PARALLEL} folders to Orthanc alone, fresh storage for each run",
        tuple(_compare(pair, size.rounds, work, count, folder) for pair in pairs),
        (
            "dcmsend runs with TCP_NODELAY=1 over one association; ours opens up to four, as many as Orthanc serves.",
            "orthancgen send counts from the start of Python; send_files is called in a running process.",
        ),
        not size.quick,
    )


def _compare(pair: Pair, rounds: int, work: Path, count: int, folder: Path) -> Figure:
    our_name, ours, their_name, theirs, target = pair

    def timed(name: str, sender: Sender) -> Mapping[str, float]:
        with running_site(folder, backend=False) as running:
            seconds = sender(running, work)
            running.require_stored(count)
        return {f"{name}, s": seconds}

    measured = alternate(rounds, lambda: timed(our_name, ours), lambda: timed(their_name, theirs))
    return ratio(f"rate, {our_name} / {their_name}", measured, f"{their_name}, s", f"{our_name}, s", target)
