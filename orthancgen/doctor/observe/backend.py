"""What the backend says of itself: alive, status, metrics."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe.answers import object_of

_METRIC: Final = re.compile(r"^(orthancgen_backend_\w{1,60}|process_start_time_seconds)(?:\{(.{0,300})\})? (\S{1,40})$")

SLOW_SECONDS: Final = 2.0
"""Its sign of life costs nothing: whoever waits so long for it, twice, waits for everything."""


@dataclass(frozen=True, slots=True)
class Alive:
    """The backend's sign of life.

    Attributes:
        seconds: until the answer came, or until nobody waited any longer.
        status: HTTP status of the answer; None where none came.
        error: why none came.
        date: the backend's clock, as its answer tells it.
    """

    seconds: float
    status: int | None
    error: str = ""
    date: str | None = None


def alive(case: Case) -> Alive:
    """Ask for a sign of life, which costs the backend nothing; once more where it was slow, and then the better one."""

    def look() -> Alive:
        first = _ask(case)
        if first.status is None or first.seconds <= SLOW_SECONDS:
            return first
        # This host may have been busy with something else for that moment.
        return min(first, _ask(case), key=_worth)

    return case.once("backend alive", look)


def _ask(case: Case) -> Alive:
    began = time.monotonic()
    answer = case.backend("/healthz")
    seconds = time.monotonic() - began
    if isinstance(answer, str):
        return Alive(seconds, None, answer)
    return Alive(seconds, answer.status_code, date=answer.headers.get("date"))


def _worth(one: Alive) -> tuple[bool, float]:
    """What answered comes first, then what answered sooner."""
    return one.status is None, one.seconds


def status(case: Case) -> dict[str, Any] | str:
    """Its own status document, or why there is none."""
    if alive(case).status is None:
        return alive(case).error  # asking twice costs as long again
    return case.once("backend status", lambda: look_at_status(case))


def look_at_status(case: Case) -> dict[str, Any] | str:
    """As :func:`status`, asked anew."""
    return object_of(case.backend("/api/status"))


def last_error(case: Case) -> Mapping[str, Any] | None:
    """Why the last round of the deliveries failed; None where it did not, or nobody knows."""
    document = status(case)
    if isinstance(document, str) or not section(document, "worker").get("failures_in_a_row"):
        return None
    return section(section(document, "worker"), "last_error") or None


def section(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object of a document; empty where it has none."""
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def metrics(case: Case) -> dict[str, float]:
    """Its metrics, each by its name with its labels as they stand; empty where there are none."""
    return case.once("backend metrics", lambda: _metrics(case.backend("/metrics")))


def _metrics(answer: httpx.Response | str) -> dict[str, float]:
    if isinstance(answer, str) or answer.status_code != httpx.codes.OK:
        return {}
    found = {}
    for line in answer.text.splitlines():
        match = _METRIC.match(line)
        if match:
            try:
                found[f"{match[1]}{{{match[2]}}}" if match[2] else match[1]] = float(match[3])
            except ValueError:
                continue
    return found


def answered(case: Case, route: str, code: int) -> int:
    """How many requests to a route got that HTTP status since the backend started."""
    wanted = (f'route="{route}"', f'status="{code}"')
    return int(
        sum(
            value
            for name, value in metrics(case).items()
            if name.startswith("orthancgen_backend_http_request_duration_seconds_count{")
            and all(one in name for one in wanted)
        )
    )
