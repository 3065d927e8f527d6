"""How responsive Orthanc is while harm is done."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from typing import Self

import httpx

from tests.support.faults.stack import Stack
from tests.support.proof import ProofFigures


def tell(figures: ProofFigures, what: str, count: int, **seen: object) -> None:
    """Prints what was measured, and keeps it for `make proof`."""
    text = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in seen.items())
    print(f"\n{what}: {count}, {text}")  # noqa: T201
    figures(what, count, text)


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
