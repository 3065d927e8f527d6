"""The bundle: an ordered tuple of files, each the work of one artifact of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orthancgen.plan.model import Plan, ServiceName


@dataclass(frozen=True, slots=True)
class File:
    """A rendered file: its path in the bundle, its bytes, its mode. It never holds a secret."""

    path: str
    content: bytes
    mode: int
    services: tuple[ServiceName, ...]


@dataclass(frozen=True, slots=True)
class Artifact:
    """One kind of file: where it lies, who builds it, which services read it, and when it is needed."""

    path: str
    build: Callable[[Plan], str]
    services: tuple[ServiceName, ...] = ()
    wanted: Callable[[Plan], bool] = lambda plan: True
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that was rendered for one plan, in the order of the catalogue."""

    files: tuple[File, ...]

    def file(self, path: str) -> File:
        """The file of that path.

        Raises:
            KeyError: the bundle has no such file.
        """
        for file in self.files:
            if file.path == path:
                return file
        raise KeyError(path)

    def of_service(self, name: ServiceName) -> tuple[File, ...]:
        """The files that a service reads."""
        return tuple(file for file in self.files if name in file.services)
