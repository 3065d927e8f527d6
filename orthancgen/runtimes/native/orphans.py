"""Processes of an environment that outlived their supervisor, and the end of them."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from orthancgen.runtimes.state import State

MARK = "ORTHANCGEN_SOCKET"
"""Variable that the supervisor and everything it starts carry in their environment: the path of its socket."""
_END_SECONDS = 60


def find(state: State) -> dict[int, str]:
    """Every process of the environment, supervisor included: process id and the service's name ('' for another)."""
    found: dict[int, str] = {}
    for process in psutil.process_iter():
        try:
            environ = process.environ()
        except psutil.Error:
            continue
        if environ.get(MARK) == str(state.socket):
            found[process.pid] = environ.get("SUPERVISOR_PROCESS_NAME", "")
    return found


def end(pids: Iterable[int]) -> list[int]:
    """End processes: SIGTERM, and after a minute SIGKILL. Returns those that are still there."""
    processes = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            process.terminate()
            processes.append(process)
        except psutil.Error:
            continue
    _, alive = psutil.wait_procs([one for one in processes if not ended(one.pid)], timeout=_END_SECONDS)
    for process in alive:
        try:
            process.kill()
        except psutil.Error:
            continue
    _, alive = psutil.wait_procs(alive, timeout=5)
    return [process.pid for process in alive if not ended(process.pid)]


def ended(pid: int) -> bool:
    """Whether a process is gone; one that only waits for its parent to notice is."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
