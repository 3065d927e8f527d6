"""How much room there is: on the disks of the host, and within Orthanc's own limits."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe.answers import object_or_none
from orthancgen.errors import OrthancgenError

MEBIBYTE: Final = 2**20
FULL_BYTES: Final = 16 * MEBIBYTE
"""Less room than this is none: SQLite and WiredTiger need some for their journals, an image some more."""
NEARLY_SHARE: Final = 0.05
NEARLY_BYTES: Final = 5 * 1024 * MEBIBYTE
"""Nearly full: less than this share is free, and less than so many bytes."""
_DF_FIELDS: Final = 6


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that a service writes into, and the room on its disk.

    Attributes:
        what: is kept there: `images`, `index`, `records`, `logs`.
        service: that writes it.
        path: on this host, or in the container.
        free_bytes: for a user without privileges.
        total_bytes: of the file system.
        free_files: files that may still be made; None where the file system has no limit.
    """

    what: str
    service: str
    path: str
    free_bytes: int
    total_bytes: int
    free_files: int | None = None

    @property
    def full(self) -> bool:
        """Whether nothing more can be written."""
        return self.free_bytes < min(FULL_BYTES, self.total_bytes // 10) or self.free_files == 0

    @property
    def nearly_full(self) -> bool:
        """Whether it will soon be."""
        return not self.full and self.free_bytes < min(NEARLY_BYTES, self.total_bytes * NEARLY_SHARE)


def folders(case: Case) -> tuple[Folder, ...]:
    """The folders of the services with the room that there is, as far as it can be seen."""
    look = _native if case.site.runtime == "native" else _containers
    return case.once("folders", lambda: look(case))


def native_paths(case: Case) -> dict[str, tuple[str, Path]]:
    """What is kept -> the service that writes it, and the folder, where the services are programs of this host."""
    storage, state = case.site.orthanc.storage, case.runtime.state
    images = Path(storage.path) if storage.path else state.data / "orthanc"
    found = {
        "images": ("orthanc", images),
        "index": ("orthanc", Path(storage.index_path) if storage.index_path else images),
    }
    if case.site.backend.enabled:
        found["records"] = ("database", state.data / "database")
    return found | {"logs": ("supervisord", state.logs)}


def _native(case: Case) -> tuple[Folder, ...]:
    found = []
    for what, (service, path) in native_paths(case).items():
        try:
            room = os.statvfs(path)
        except OSError:
            continue
        files = room.f_favail if room.f_files else None
        found.append(
            Folder(what, service, str(path), room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize, files)
        )
    return tuple(found)


def _containers(case: Case) -> tuple[Folder, ...]:
    from orthancgen.render.orthanc_json import storage_folders
    from orthancgen.runtimes.compose.live import Live
    from orthancgen.runtimes.compose.runtime import ComposeRuntime

    runtime = case.runtime
    if not isinstance(runtime, ComposeRuntime):
        return ()
    images, index = storage_folders(case.plan)
    wanted = [("images", "orthanc", images), ("index", "orthanc", index), ("records", "database", "/data/db")]
    found = []
    try:
        live = Live.look(runtime.engine, case.site.environment).containers
        for what, service, path in wanted:
            if service in live and live[service].status == "running":
                code, said = runtime.engine.execute(live[service].id, ["df", "-Pk", path])
                room = _df(said) if code == 0 else None
                if room:
                    found.append(Folder(what, service, path, *room))
    except OrthancgenError:
        return tuple(found)
    return tuple(found)


def _df(said: str) -> tuple[int, int] | None:
    """Free and total bytes of what `df -Pk` printed (POSIX: one line a file system, in 1024-byte units)."""
    fields = said.strip().splitlines()[-1].split() if said.strip() else []
    if len(fields) < _DF_FIELDS or not (fields[1].isdigit() and fields[3].isdigit()):
        return None
    return int(fields[3]) * 1024, int(fields[1]) * 1024


def statistics(case: Case) -> dict[str, Any] | None:
    """`GET /statistics` of Orthanc; None where it does not answer."""
    return case.once("statistics", lambda: object_or_none(case.orthanc("/statistics")))


def stored_bytes(document: dict[str, Any]) -> int:
    """Bytes of the images on disk, which Orthanc writes as text."""
    text = str(document.get("TotalDiskSize", "0"))
    return int(text) if text.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Holder:
    """A program that has a file open."""

    pid: int
    name: str
    command: str


def index_holders(case: Case) -> tuple[Holder, ...]:
    """Programs other than Orthanc that have its SQLite index open; natively, as far as the system tells."""
    return case.once("holders of the index", lambda: _holders(case))


def _holders(case: Case) -> tuple[Holder, ...]:
    import psutil

    if case.site.runtime != "native":
        return ()
    own = case.services
    ours = {row.pid for row in own.values()} if not isinstance(own, OrthancgenError) else set()
    index = native_paths(case)["index"][1] / "index"
    try:
        paths = {str(index.resolve()) + suffix for suffix in ("", "-wal", "-shm")}
    except OSError:
        return ()
    found = []
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        try:
            if any(one.path in paths for one in process.open_files()):
                found.append(Holder(process.pid, process.name(), " ".join(process.cmdline()[:1])))
        except (psutil.Error, OSError):
            continue
    return tuple(found)


def locks_on_index(case: Case) -> frozenset[int]:
    """Ids of the processes that hold a lock on the index (`/proc/locks`, proc(5)); natively, on Linux."""
    if case.site.runtime != "native":
        return frozenset()
    index = native_paths(case)["index"][1] / "index"
    inodes = set()
    for suffix in ("", "-wal", "-shm"):
        try:
            inodes.add(str(Path(f"{index}{suffix}").stat().st_ino))
        except OSError:
            continue
    try:
        lines = Path("/proc/locks").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    held = set()
    for line in lines:
        fields = line.split()
        # 1: POSIX  ADVISORY  WRITE 688 fe:00:2156269 0 0
        if len(fields) >= _DF_FIELDS and fields[5].rsplit(":", 1)[-1] in inodes and fields[4].isdigit():
            held.add(int(fields[4]))
    return frozenset(held)
