"""The journal: it exists exactly while something is being changed, and says how far that is.

It is on the disk before the step that it names begins. So after a run was killed, or the power failed, the next run
knows that something was going on, from which release to which, how far it was, and which database password may be set.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Final, Literal, get_args

from orthancgen.errors import DeployError
from orthancgen.release.disk import load, replace, sync_folder, to_json, writing
from orthancgen.release.faults import fault_at
from orthancgen.release.model import Who, now
from orthancgen.release.who import Process, age, this_process, who_am_i

Step = Literal[
    "opened",
    "volumes",
    "files",
    "release",
    "database",
    "database account",
    "orthanc",
    "backend",
    "analysis",
    "viewer",
    "gateway",
    "verify",
    "complete",
    "completed",
    "taking back",
    "database back",
    "services back",
    "taken back",
]
"""What a run does, in its order: bringing a release to life, then, where that failed, going back."""
STEPS: Final[tuple[Step, ...]] = get_args(Step)
Password = Literal["earlier", "unknown", "new"]
"""Which password the database has: that of ``from_release``; nobody knows, for it is being set; that of the new one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is being changed: contents of ``journal.json``.

    Attributes:
        environment: its name.
        verb: deploy, rollback, restore, ...
        from_release: the release in use when it began; None where there was none.
        to_release: the release that is to be in use; None until it has a number.
        who: who runs it.
        reason: why.
        started: when it began (:func:`.model.now`).
        process: which process does it.
        database_password: which password the database has.
        steps: every step that was begun, the last one perhaps not ended.
    """

    environment: str
    verb: str
    from_release: int | None
    to_release: int | None
    who: Who
    reason: str
    started: str
    process: Process
    database_password: Password = "earlier"  # noqa: S105 - the name of a state
    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        last = self.steps[-1] if self.steps else "nothing"
        return f"{self.verb} by {self.who}, {age(self.started)} ago, which got as far as: {last}"


class Journal:
    """An open journal. It is closed only by :meth:`close`: neither an exception nor the end of the process does it."""

    def __init__(self, path: Path, entry: Entry) -> None:
        self.path, self.entry = path, entry

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        environment: str,
        verb: str,
        reason: str = "",
        from_release: int | None = None,
        to_release: int | None = None,
    ) -> Journal:
        """Begin a change.

        Raises:
            DeployError: an earlier change was cut off and nobody has taken it up; or it cannot be written.
        """
        if left := read_journal(path):
            raise DeployError(
                f"an earlier run was cut off: {left}",
                hint=f"orthancgen deploy {environment} takes it up, and goes back to what was good",
            )
        entry = Entry(environment, verb, from_release, to_release, who_am_i(), reason, now(), this_process())
        journal = cls(path, entry)
        journal.step("opened")
        return journal

    @classmethod
    def resume(cls, path: Path) -> Journal | None:
        """The journal of a run that was cut off, to go on with it or to take it back; None where there is none.

        Raises:
            DeployError: it cannot be read.
        """
        entry = read_journal(path)
        return cls(path, entry) if entry else None

    def step(self, name: str) -> None:
        """Say what is done next; on the disk when this returns.

        Args:
            name: one of :data:`STEPS`.

        Raises:
            DeployError: it cannot be written.
            ValueError: there is no such step.
        """
        if name not in STEPS:
            raise ValueError(name)
        self._store(changed(self.entry, steps=(*self.entry.steps, name)))
        fault_at(name)

    def note(self, *, to_release: int | None = None, database_password: Password | None = None) -> None:
        """Record what became known; on the disk when this returns.

        Raises:
            DeployError: it cannot be written.
        """
        self._store(
            changed(
                self.entry,
                to_release=to_release or self.entry.to_release,
                database_password=database_password or self.entry.database_password,
            )
        )

    def close(self) -> None:
        """End the change: nothing is under way any more.

        Raises:
            DeployError: it cannot be removed.
        """
        with writing(self.path):
            self.path.unlink(missing_ok=True)
            sync_folder(self.path.parent)

    def _store(self, entry: Entry) -> None:
        with writing(self.path):
            replace(self.path, to_json(entry))
        self.entry = entry


def read_journal(path: Path) -> Entry | None:
    """What is being changed, or was when it was cut off; None where nothing is.

    Raises:
        DeployError: the journal cannot be read, or is damaged.
    """
    return load(
        Entry,
        path,
        "the journal of an unfinished run",
        f"look at what runs, then remove {path} and deploy anew",
    )
