"""The audit log: an append-only file of one JSON line an event, chained by digests.

Each line holds the SHA-256 of the line before it, so an edited or removed line is noticed by the next one. How many
lines there are, and the digest of the last one, lies in a file beside it, so that missing lines at the end are noticed
as well. Who may write both files can write another history with right digests: send the lines to a log server where
that matters.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from orthancgen.release.disk import cannot, replace, sync_folder, writing
from orthancgen.release.model import Verified, Who, now
from orthancgen.secrets.store import redact
from orthancgen.secrets.value import SecretValue

FIRST: Final = "0" * 64
"""What the first line has for a digest."""


@dataclass(frozen=True, slots=True)
class Event:
    """What was done.

    Attributes:
        verb: deploy, rollback, lock, ...
        environment: its name.
        who: who did it.
        outcome: done, failed, taken back, ...
        reason: why, in the words of who did it.
        from_release: the release in use before; None where there was none.
        to_release: the release that was to be in use after.
        changed: the services that were started, stopped or changed.
        seconds: how long it took.
        verified: summary of the proofs.
        details: what went wrong, or anything else worth keeping.
    """

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
    """Whether the log is whole: ``broken_at`` is the number of the first line that is not as it was, from 1."""

    lines: int
    broken_at: int | None = None
    why: str = ""


class AuditLog:
    """The file ``audit.jsonl`` of a state folder, mode 0600."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head = path.with_name(f"{path.name}.head")

    def append(self, event: Event, secrets: Mapping[str, SecretValue]) -> None:
        """Write one line; on the disk when this returns.

        Args:
            event: what was done.
            secrets: known values, which are hidden wherever they stand.

        Raises:
            DeployError: it cannot be written.
        """
        with writing(self.path):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                content = file.readall()
                lines = content.split(b"\n")
                added = b""
                if lines.pop():  # what follows the last line break: a line that was cut off as it was written
                    torn = content.rpartition(b"\n")[2]
                    note = {"time": now(), "verb": "audit log", "outcome": "the line above was cut off by a crash"}
                    added = b"\n" + _line(note, torn) + b"\n"
                    lines += [torn, added.strip()]
                line = _line({"time": now(), **_plain(event, secrets)}, lines[-1] if lines else None)
                added += line + b"\n"
                # One write: a line is torn by a crash at most, never mixed with another one.
                if os.write(file.fileno(), added) != len(added):
                    raise OSError(28, "the file system took a part of a line only", str(self.path))
                os.fsync(file.fileno())
                replace(self.head, json.dumps({"lines": len(lines) + 1, "sha256": _digest(line)}).encode())
            sync_folder(self.path.parent)

    def verify_chain(self) -> Chain:
        """Find the first line that was edited, or misses one before it.

        Raises:
            DeployError: the file cannot be read.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise cannot("read", self.path, error) from None
        lines = content.split(b"\n")
        lines.pop()  # nothing, or a line that was cut off, which the next one says
        for number, line in enumerate(lines, 1):
            if why := _broken(lines[number - 2] if number > 1 else None, line):
                # A line that cannot be read is told from a crash's by the one after it.
                if why == _UNREADABLE and number < len(lines) and not _broken(line, lines[number]):
                    continue
                return Chain(len(lines), number, why)
        return self._against_head(lines)

    def _against_head(self, lines: list[bytes]) -> Chain:
        try:
            head = json.loads(self.head.read_bytes())
            count, digest = int(head["lines"]), str(head["sha256"])
        except FileNotFoundError:
            # After its first line alone, a run may have been killed before it wrote this file.
            return Chain(len(lines), 1, f"{self.head} is missing") if len(lines) > 1 else Chain(len(lines))
        except OSError as error:
            raise cannot("read", self.head, error) from None
        except (ValueError, KeyError, TypeError):
            return Chain(len(lines), max(1, len(lines)), f"{self.head} is damaged")
        if len(lines) < count:
            return Chain(len(lines), len(lines) + 1, f"{count - len(lines)} lines are missing at the end")
        if count < 1 or _digest(lines[count - 1]) != digest:
            return Chain(len(lines), max(1, count), "the line is not the one that was written")
        return Chain(len(lines))


_UNREADABLE: Final = "the line cannot be read"


def _broken(before: bytes | None, line: bytes) -> str:
    """Why a line does not follow the one before it, or an empty text."""
    try:
        previous = json.loads(line)["previous"]
    except (ValueError, KeyError, TypeError):
        return _UNREADABLE
    if previous != (FIRST if before is None else _digest(before)):
        return "the line before it was edited, or lines between them are missing"
    return ""


def _line(document: Mapping[str, Any], before: bytes | None) -> bytes:
    return json.dumps({**document, "previous": FIRST if before is None else _digest(before)}).encode("ascii")


def _digest(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _plain(value: Event, secrets: Mapping[str, SecretValue]) -> dict[str, Any]:
    """The event without secrets. They are looked for before JSON escapes anything in them."""

    def clean(one: Any) -> Any:
        if isinstance(one, str):
            return redact(one, secrets)
        if isinstance(one, Mapping):
            return {key: clean(inner) for key, inner in one.items()}
        if isinstance(one, (tuple, list)):
            return [clean(inner) for inner in one]
        return one

    return {key: clean(inner) for key, inner in asdict(value).items()}
