"""The audit log: an append-only file of one JSON line an event, chained by digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orthancgen.release.model import Verified, Who
from orthancgen.secrets.value import SecretValue


@dataclass(frozen=True, slots=True)
class Event:
    """What was done."""

    verb: str
    environment: str
    who: Who
    outcome: str
    reason: str = ""
    from_release: int | None = None
    to_release: int | None = None
    changed: tuple[str, ...] = ()
    seconds: float = 0.0
    verified: Verified | None = None
    details: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """Whether the log is whole: ``broken_at`` is the number of the first line that is not, from 1."""

    lines: int
    broken_at: int | None = None
    why: str = ""


class AuditLog:
    """The file ``audit.jsonl`` of a state folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event, secrets: Mapping[str, SecretValue]) -> None:
        """Write one line; known secrets are hidden."""
        raise NotImplementedError

    def verify_chain(self) -> Chain:
        """Find the first line that was removed, edited or added by hand."""
        raise NotImplementedError
