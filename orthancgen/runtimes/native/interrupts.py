"""While something is taken back, Ctrl-C and SIGTERM have to wait."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def deferred() -> Iterator[None]:
    """Ignore the signals that end a command; outside the main thread, which alone gets them, nothing is to do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A function, not SIG_IGN: that one would be inherited by the services that are started meanwhile.
    before = {one: signal.signal(one, lambda *_: None) for one in _SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
