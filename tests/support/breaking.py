"""What is done to a native site so that it goes wrong, and what is seen of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from orthancgen.dicom.synthetic import ct_series
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.runtimes.state import State
from tests.support.native import Native
from tests.support.servers import cannot_run, wait_until

SETTINGS: Final = {"orthanc.settings": {"StableAge": 1}}
"""Changes of the environment's file: Orthanc tells soon that a study is complete."""
MOMENT: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""When the synthetic images were made."""


@contextmanager
def listener(port: int = 0) -> Iterator[int]:
    """A foreign program on a port of the loopback: this one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        yield int(taken.getsockname()[1])


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of a few bytes at a folder."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        folder.rmdir()
        cannot_run("this machine lets nobody mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    assert shutil.disk_usage(path).free == 0


def go_on(native: Native) -> None:
    """Whatever was halted goes on."""
    for process in native.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGCONT)


def pid_of(native: Native, service: str) -> int:
    """Process id of a service; 0 where it does not run."""
    return Supervisor(State(native.state)).processes()[service].pid


def state_of(native: Native, service: str) -> str:
    """Supervisor's word."""
    return Supervisor(State(native.state)).processes()[service].state


def again(native: Native, service: str = "orthanc", *, well: bool = True) -> None:
    """End a service without mercy, so that supervisor starts it again."""
    before = pid_of(native, service)
    os.kill(before, signal.SIGKILL)
    if well:
        wait_until(lambda: pid_of(native, service) not in {0, before}, what=f"another {service}")
        wait_until(lambda: native.unhealthy() == {}, what="health")
    else:
        wait_ended(native, service)


def wait_ended(native: Native, service: str) -> None:
    """Wait until a service ends in the second in which supervisor takes it for starting.

    Where this machine is so busy that it lives longer, supervisor starts it again at once: then, until it ended thrice.
    """
    log = native.state / "log/supervisord.log"
    begun = log.stat().st_size

    def ended() -> bool:
        return state_of(native, service) == "BACKOFF" or log.read_bytes()[begun:].count(b"exited: %b (" % name) >= 3

    name = service.encode()
    wait_until(ended, what=f"an end of {service}")


def stop(native: Native, *names: str) -> None:
    """Stop services by supervisor."""
    Supervisor(State(native.state)).stop_services(names)


def edit(native: Native, path: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a JSON file of the configuration by hand; owner and mode stay."""
    file = native.state / "config" / path
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


def store(native: Native, run: str = "doctor", count: int = 1, size: int = 64) -> str:
    """Store images by REST; returns the StudyInstanceUID."""
    uid = ""
    with native.orthanc() as client:
        for image in ct_series(run, MOMENT, count, rows=size, columns=size):
            client.post("/instances", content=image.data)
            uid = image.study_instance_uid
    return uid


def remove(native: Native) -> None:
    """Remove every patient."""
    with native.orthanc() as client:
        for one in client.get("/patients").json():
            client.delete(f"/patients/{one}").raise_for_status()


def refused_by_the_database(native: Native) -> bool:
    """Whether the backend answers, and says that the database refuses its password."""
    error = ((status_of(native) or {}).get("worker") or {}).get("last_error") or {}
    return error.get("source") == "database" and error.get("kind") == "code 18"


def status_of(native: Native) -> Any:
    """The backend's status, where it answers."""
    try:
        with native.backend() as client:
            return client.get("/api/status").json()
    except httpx.HTTPError:
        return None
