"""The journal: exists exactly while something is being changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orthancgen.release.model import Who

Step = Literal["opened", "..."]
Password = Literal["earlier", "unknown", "new"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is being changed: contents of ``journal.json``."""

    environment: str
    verb: str
    from_release: int | None
    to_release: int | None
    who: Who
    reason: str
    started: str
    pid: int
    database_password: Password = "earlier"  # noqa: S105 - a state, no password
    steps: tuple[Step, ...] = ()


class Journal:
    """An open journal."""

    entry: Entry

    @classmethod
    def open(cls, path: Path, entry: Entry) -> Journal:
        """Begin a change; DeployError where one was cut off."""
        raise NotImplementedError

    @classmethod
    def resume(cls, path: Path) -> Journal | None:
        """The journal of a run that was cut off, to go on with it or to take it back; None where there is none."""
        raise NotImplementedError

    def step(self, name: Step) -> None:
        """Say what is done next."""
        raise NotImplementedError

    def note(self, *, to_release: int | None = None, database_password: Password | None = None) -> None:
        """Record what became known."""
        raise NotImplementedError

    def close(self) -> None:
        """End the change: nothing is under way any more."""
        raise NotImplementedError
