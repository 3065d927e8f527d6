"""One lock an environment and engine: who changes something now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from orthancgen.release.model import Who


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, and why."""

    environment: str
    verb: str
    reason: str
    who: Who
    started: str
    pid: int
    token: str = ""


class LockStore(Protocol):
    """Where a lock lies."""

    @property
    def place(self) -> str:
        """In words, for messages."""

    def create(self, holder: Holder) -> bool:
        """Take it; False where it is taken."""

    def read(self) -> Holder | None:
        """Who holds it."""

    def remove(self, holder: Holder) -> None:
        """Give it back, where it is still this holder's."""


class FileLock:
    """A file in the state folder. ``FileLock(path)``."""

    def __init__(self, path: Path) -> None:
        raise NotImplementedError


class EngineLock:
    """A container that is never started. ``EngineLock(docker.DockerClient, environment)``."""

    def __init__(self, client: object, environment: str) -> None:
        raise NotImplementedError


class Lock:
    """A lock that is held: a context manager."""

    @classmethod
    def acquire(cls, environment: str, verb: str, reason: str, where: Sequence[LockStore]) -> Lock:
        """Take the lock in every place, or in none; LockedError where somebody holds it."""
        raise NotImplementedError

    def release(self) -> None:
        """Give it back."""

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
