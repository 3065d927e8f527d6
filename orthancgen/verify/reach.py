"""Whether anything listens at an address."""

from __future__ import annotations

import socket
from typing import Final

_SECONDS: Final = 3.0


def answers(host: str, port: int) -> bool:
    """Whether a TCP connection is accepted, within three seconds."""
    try:
        with socket.create_connection((host, port), timeout=_SECONDS):
            return True
    except OSError:
        return False
