"""When orthancgen itself called the services to prove or to ask something, so that its refused calls are not a fault.

The proofs call Orthanc in ways that it must refuse, and its log holds the refusals like any other. Begin and end of
each run stand in a small file of the state folder; the doctor leaves out this host's calls in between.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from orthancgen.runtimes.state import State

_KEPT: Final = 50
_LARGEST: Final = 65_536
_SLACK: Final = timedelta(milliseconds=300)
"""A refusal may be written to the log a moment after the caller was told."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of the proofs: from its begin to its end; no end where it still runs, or was killed."""

    begin: datetime
    end: datetime | None

    def __contains__(self, at: datetime) -> bool:
        return self.begin <= at and (self.end is None or at <= self.end + _SLACK)


@contextmanager
def noted(state: State) -> Iterator[None]:
    """Write down begin and end of what is done in the block. A state folder that cannot be written is left alone."""
    begin = datetime.now(UTC)
    _write(state, [*_rows(state), {"begin": begin.isoformat(), "end": None}])
    try:
        yield
    finally:
        rows = [row for row in _rows(state) if row.get("begin") != begin.isoformat()]
        _write(state, [*rows, {"begin": begin.isoformat(), "end": datetime.now(UTC).isoformat()}])


def spans(state: State, longest: timedelta = timedelta(minutes=10)) -> tuple[Span, ...]:
    """The last runs. One without an end is taken to have ended after `longest`.

    Args:
        state: of the environment.
        longest: how long a run may take that was never seen to end.
    """
    found = []
    for row in _rows(state):
        with suppress(KeyError, TypeError, ValueError):
            begin = datetime.fromisoformat(row["begin"])
            end = datetime.fromisoformat(row["end"]) if row["end"] else begin + longest
            if begin.tzinfo and end.tzinfo:
                found.append(Span(begin, end))
    return tuple(found)


def _file(state: State) -> Path:
    return state.root / "proofs.json"


def _rows(state: State) -> list[dict[str, Any]]:
    try:
        with _file(state).open("rb") as file:
            rows = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _write(state: State, rows: list[dict[str, Any]]) -> None:
    path = _file(state)
    beside = path.with_name(f".proofs.{os.getpid()}")
    with suppress(OSError):
        if not state.root.is_dir():
            return
        beside.write_text(json.dumps(rows[-_KEPT:]), encoding="utf-8")
        beside.chmod(0o600)
        beside.replace(path)
