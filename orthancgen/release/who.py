"""Who runs this process, and whether a process that was noted down still runs."""

from __future__ import annotations

import os
import pwd
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orthancgen.release.model import Who
from orthancgen.site.problems import printable

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MACHINE_ID = Path("/etc/machine-id")


def who_am_i() -> Who:
    """The login name behind this process, and this host.

    As root it is the name behind sudo. ``$USER`` is not asked: everybody may set it.
    """
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container with a user of its own number
        login = f"uid {os.getuid()}"
    if os.getuid() == 0 and os.environ.get("SUDO_USER"):
        login = os.environ["SUDO_USER"]
    return Who(printable(login), printable(socket.gethostname()))


@dataclass(frozen=True, slots=True)
class Process:
    """A process, so that it can be found again.

    Attributes:
        pid: its number, which another process may have later.
        host: name of its host.
        machine: ``/etc/machine-id`` of the host (machine-id(5)), empty where it has none.
        boot: ``/proc/sys/kernel/random/boot_id``: another one after each start of the host; empty where unknown.
        namespace: of process numbers (pid_namespaces(7)): those of a container are its own; 0 where unknown.
        started_ticks: when it started, in clock ticks since boot (field 22 of proc_pid_stat(5)); 0 where unknown.
    """

    pid: int
    host: str
    machine: str = ""
    boot: str = ""
    namespace: int = 0
    started_ticks: int = 0

    def alive(self) -> bool | None:
        """Whether it still runs; None where that cannot be told from here: another host, another container."""
        here = this_process()
        if (self.host, self.machine) != (here.host, here.machine):
            return None
        if self.boot != here.boot:
            return False if self.machine else None
        if self.namespace != here.namespace:
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return not self.started_ticks or _started_ticks(self.pid) == self.started_ticks


def this_process() -> Process:
    """This process."""
    pid = os.getpid()
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        namespace = 0
    return Process(pid, socket.gethostname(), _text(_MACHINE_ID), _text(_BOOT_ID), namespace, _started_ticks(pid))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _started_ticks(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    # Field 2 is the name in brackets, which may hold spaces and brackets itself. A zombie does nothing any more.
    fields = status.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def age(since: str, until: datetime | None = None) -> str:
    """The time since ``since`` (:func:`.model.now`) in words: ``3 minutes``; an odd time is given back as it is."""
    try:
        seconds = ((until or datetime.now(UTC)) - datetime.fromisoformat(since)).total_seconds()
    except (ValueError, TypeError):
        return f"the time since {printable(since)}"
    for name, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"
