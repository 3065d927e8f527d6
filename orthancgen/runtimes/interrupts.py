"""Steps that Ctrl-C and SIGTERM must not cut in two."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ignored() -> Iterator[list[int]]:
    """Only note the signals that end a command; outside the main thread, which alone gets them, nothing is to do."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    # A function, not SIG_IGN: that one would be inherited by the services that are started meanwhile.
    before = {one: signal.signal(one, lambda number, _: noted.append(number)) for one in _SIGNALS}
    try:
        yield noted
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def held() -> Iterator[None]:
    """Hold the signals back until the end of the block, as between the start of a process and knowing its id."""
    with ignored() as noted:
        yield
    for number in noted[:1]:
        os.kill(os.getpid(), number)
