"""One lock an environment and engine: who changes something now.

A lock outlasts the process that took it. After a crash nobody but a person can say that what it protects is in order,
so it is broken only on purpose: ``orthancgen lock ENV --break``.
"""

from __future__ import annotations

import atexit
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

from orthancgen.errors import LockedError
from orthancgen.release.disk import load, sync_folder, to_json, writing
from orthancgen.release.model import Who, now
from orthancgen.release.who import Process, age, this_process, who_am_i
from orthancgen.render.write import stage
from orthancgen.runtimes.interrupts import held
from orthancgen.site.problems import printable

_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, and why.

    Attributes:
        environment: its name.
        verb: deploy, rollback, restore, ...
        reason: why, in the words of who runs it; may be empty.
        who: who runs it.
        started: since when (:func:`.model.now`).
        process: which process holds it.
        token: random; tells this holding from every other one.
    """

    environment: str
    verb: str
    reason: str
    who: Who
    started: str
    process: Process
    token: str

    @property
    def fate(self) -> str:
        """What became of the process, in words."""
        fates = {True: "which still runs", False: "which does not run any more", None: "which cannot be seen from here"}
        return fates[self.process.alive()]

    def __str__(self) -> str:
        reason = f": {printable(self.reason)}" if self.reason else ""
        return (
            f"{self.verb} by {self.who} (process {self.process.pid}, {self.fate}) for {age(self.started)}, "
            f"since {self.started}{reason}"
        )


class LockStore(Protocol):
    """Where a lock lies."""

    @property
    def place(self) -> str:
        """In words, for messages."""

    def create(self, holder: Holder) -> bool:
        """Take the lock; False where somebody has it.

        Raises:
            DeployError: the place cannot be used.
        """

    def read(self) -> Holder | None:
        """Who holds the lock, or None.

        Raises:
            DeployError: the place cannot be read.
        """

    def remove(self, holder: Holder) -> None:
        """Give the lock back, where it is this holder's still.

        Raises:
            DeployError: it cannot be removed.
        """


class FileLock:
    """A lock as a file in the state folder, for those who share that folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        """The path."""
        return str(self.path)

    def create(self, holder: Holder) -> bool:
        """Take the lock; False where somebody has it. The file is complete from its first moment.

        Raises:
            DeployError: it cannot be written.
        """
        with writing(self.path):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            complete = stage(to_json(holder), self.path, 0o600)
            try:
                # O_EXCL would make an empty file first. link(2) makes the whole one, or fails where there is one.
                os.link(complete, self.path)
            except FileExistsError:
                return False
            finally:
                complete.unlink(missing_ok=True)
            sync_folder(self.path.parent)
        return True

    def read(self) -> Holder | None:
        """Who holds the lock, or None.

        Raises:
            DeployError: it cannot be read.
        """
        return load(Holder, self.path, "a lock", f"make sure that no deploy runs, then remove {self.path}")

    def remove(self, holder: Holder) -> None:
        """Give the lock back, where it is this holder's still.

        Raises:
            DeployError: it cannot be removed.
        """
        if self.read() == holder:
            with writing(self.path):
                self.path.unlink(missing_ok=True)
                sync_folder(self.path.parent)


class Lock:
    """A lock that is held in one or more places; a context manager that gives it back.

    It is given back on every way out of the process but one that no process can notice (SIGKILL, a power failure).
    """

    def __init__(self, holder: Holder, taken: Sequence[LockStore]) -> None:
        self.holder = holder
        self._taken = list(taken)

    @classmethod
    def acquire(cls, environment: str, verb: str, reason: str, where: Sequence[LockStore]) -> Lock:
        """Take the lock in every place, or in none.

        Args:
            environment: its name.
            verb: what will be done.
            reason: why, for those who find the lock taken.
            where: the places, in an order that is always the same.

        Raises:
            LockedError: somebody holds it; says who, from where, why, since when, and whether that process still runs.
            DeployError: a place cannot be used.
        """
        holder = Holder(environment, verb, reason, who_am_i(), now(), this_process(), secrets.token_hex(16))
        lock = cls(holder, [])
        atexit.register(lock.release)  # an interrupt may come before the `with` of the caller begins
        try:
            for store in where:
                with held():
                    _take(store, holder)
                    lock._taken.append(store)
        except BaseException:
            lock.release()
            raise
        return lock

    def release(self) -> None:
        """Give it back; a second time does nothing.

        Raises:
            DeployError: a place cannot be used.
        """
        atexit.unregister(self.release)
        if self.holder.process.pid != os.getpid():  # a child that was forked meanwhile ends without this
            return
        with held():
            while self._taken:
                self._taken.pop().remove(self.holder)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _take(store: LockStore, holder: Holder) -> None:
    for _ in range(_ATTEMPTS):
        if store.create(holder):
            return
        other = store.read()
        if other is not None:
            raise LockedError(f"{holder.environment} is locked: {other} ({store.place})", hint=_remedy(other))
        # It was given back in between.
    raise LockedError(
        f"{holder.environment} is locked, by one after the other ({store.place})", hint="try again in a moment"
    )


def _remedy(holder: Holder) -> str:
    alive = holder.process.alive()
    if alive:
        return f"wait for process {holder.process.pid} to end, or interrupt it: it then gives the lock back"
    breaking = f"orthancgen lock {holder.environment} --break"
    if alive is False:
        return f"that run was cut off: {breaking}; the next deploy then takes up what it left"
    return f"ask {holder.who} whether it still runs; where it does not: {breaking}"


def holders(where: Sequence[LockStore]) -> tuple[tuple[LockStore, Holder], ...]:
    """Who holds the lock, place by place; empty where it is free.

    Raises:
        DeployError: a place cannot be read.
    """
    return tuple((store, holder) for store in where if (holder := store.read()) is not None)


def require_breakable(found: Sequence[tuple[LockStore, Holder]], *, force: bool = False) -> None:
    """Refuse to break a lock that is in use.

    Raises:
        LockedError: a process that holds it runs on this host still, and no force is wanted.
    """
    for _, holder in found:
        if holder.process.alive() and not force:
            raise LockedError(
                f"the lock is in use: {holder}",
                hint=f"interrupt process {holder.process.pid}: it then gives the lock back; or --force",
            )


def break_lock(found: Sequence[tuple[LockStore, Holder]], *, force: bool = False) -> None:
    """Take a lock away from its holder: exactly the one that was found, not one that was taken since.

    Args:
        found: of :func:`holders`.
        force: also where the process runs on this host still.

    Raises:
        LockedError: the process runs on this host still.
        DeployError: a place cannot be used.
    """
    require_breakable(found, force=force)
    for store, holder in found:
        store.remove(holder)
