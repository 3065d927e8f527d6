"""Run something in a process that is killed before or after its n-th change of the file system, for every n.

Python's profiler announces each call of a function of the system, and its return. A kill is a real SIGKILL: no
handler, no `finally`, no buffer that is written at the end.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

CHANGES = {
    *("open", "write", "flush", "fsync", "close", "fchmod", "truncate", "ftruncate"),
    *("rename", "replace", "link", "symlink", "unlink", "remove", "mkdir", "rmdir"),
}
"""Names of the functions that change files; of `str.replace` and its like there are few, and they do no harm."""
KILLED = -signal.SIGKILL


def in_child(action: Callable[[], object]) -> int:
    """Run in a forked process; its exit code as subprocess gives it: 1 where an exception came out."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill_at_each_change(prepare: Callable[[int], Callable[[], object]]) -> Iterator[int]:
    """Kill at the first, second, ... change; yields its number after each kill, and ends once nothing was killed.

    Args:
        prepare: makes a fresh state for the attempt of that number, and returns what is to be killed.
    """
    for number in itertools.count(1):
        action = prepare(number)
        code = in_child(lambda action=action, number=number: _armed(action, number))  # type: ignore[misc]
        if code != KILLED:
            assert code == 0, f"attempt {number} failed by itself"
            return
        yield number


def _armed(action: Callable[[], object], number: int) -> None:
    left = number

    def watch(frame: FrameType, event: str, function: Any) -> None:
        nonlocal left
        if event in {"c_call", "c_return"} and function.__name__ in CHANGES:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)
    action()
    sys.setprofile(None)
