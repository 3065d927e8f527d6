"""Read the log of a service: its last lines, and what is added, over the rotation that supervisor does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from orthancgen.secrets.store import redact
from orthancgen.secrets.value import SecretValue

_TAIL_BYTES: Final = 16_384


def tail(log: Path, lines: int, secrets: Mapping[str, SecretValue]) -> str:
    """The last lines of a log, indented, with every secret replaced by its name."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in redact(text, secrets).splitlines()[-lines:])


class Follower:
    """Whole lines of one log, in order, each once; a rotated file is read to its end before the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def last(self, lines: int) -> list[str]:
        """The last lines that are there now; what comes later is for :meth:`added`."""
        found = self.added()
        return found[-lines:] if lines else []

    def added(self) -> list[str]:
        """The lines that were completed since the last call."""
        found: list[bytes] = []
        while True:
            if self._file is None and not self._open():
                break
            assert self._file is not None  # noqa: S101
            found += self._read(self._file)
            if not self._rotated(self._file):
                break
            self._file.close()
            self._file = None
        return [line.decode("utf-8", errors="replace") for line in found]

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
            self._file = None

    def _open(self) -> bool:
        try:
            self._file = self._path.open("rb")
        except OSError:
            return False
        return True

    def _read(self, file: BinaryIO) -> list[bytes]:
        if os.fstat(file.fileno()).st_size < file.tell():  # emptied in place
            file.seek(0)
            self._rest = b""
        *lines, self._rest = (self._rest + file.read()).split(b"\n")
        return lines

    def _rotated(self, file: BinaryIO) -> bool:
        try:
            now = self._path.stat()
        except OSError:
            return False
        opened = os.fstat(file.fileno())
        return (now.st_dev, now.st_ino) != (opened.st_dev, opened.st_ino)
