"""The last good state: configuration, secrets and the links to the programs, kept until the new ones are proven.

It lies where no service sees it, and so does what failed while it is taken away.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orthancgen.runtimes.native.apps import APPS
from orthancgen.runtimes.state import State

_FOLDERS: Final = ("config", "secrets")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy in ``withheld/last-good`` of the state folder.

    Attributes:
        state: the environment.
        left_over: it was found, not made: the run that made it was killed before it could take anything back.
    """

    state: State
    left_over: bool

    @property
    def folder(self) -> Path:
        """Where the copy lies."""
        return self.state.withheld / "last-good"

    @property
    def secrets(self) -> Path:
        """The secrets as they were."""
        return self.folder / "secrets"

    @classmethod
    def take(cls, state: State) -> Snapshot:
        """Copy what is there now, whole or not at all.

        Raises:
            OSError: as the file system says.
        """
        snapshot = cls(state, (state.withheld / "last-good").is_dir())
        if snapshot.left_over:
            return snapshot
        part = state.withheld / "last-good.part"
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(mode=0o700)
            for name in _FOLDERS:
                shutil.copytree(state.root / name, part / name)
            for name in APPS:
                link = state.run / name
                if link.is_symlink():
                    (part / name).symlink_to(link.readlink())
            part.rename(snapshot.folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return snapshot

    def secrets_differ(self) -> bool:
        """Whether the secrets in place are others than those of the copy.

        Raises:
            OSError: as the file system says.
        """
        return _files(self.secrets) != _files(self.state.secrets)

    def restore(self) -> None:
        """Put the copy back in place; renames alone, which need no room on the disk.

        Raises:
            OSError: as the file system says.
        """
        for name in _FOLDERS:
            if (self.folder / name).is_dir() and (name != "secrets" or self.secrets_differ()):
                failed = self.state.withheld / f"{name}.failed"
                shutil.rmtree(failed, ignore_errors=True)
                (self.state.root / name).rename(failed)
                (self.folder / name).rename(self.state.root / name)
                shutil.rmtree(failed, ignore_errors=True)
        for name in APPS:
            if (self.folder / name).is_symlink():
                link(self.state.run / name, (self.folder / name).readlink())
        self.discard()

    def discard(self) -> None:
        """Remove the copy: what is in place is good."""
        for name in ("last-good", *(f"{name}.failed" for name in _FOLDERS)):
            shutil.rmtree(self.state.withheld / name, ignore_errors=True)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}


def link(path: Path, target: Path) -> None:
    """Make a symbolic link, in one step where there is another one.

    Raises:
        OSError: as the file system says.
    """
    if path.is_symlink() and path.readlink() == target:
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)
