"""A port on which something listens, and one below it on which nothing does."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def unused() -> Iterator[socket.socket]:
    """A listening socket which nobody serves."""
    while True:
        server = socket.create_server(("127.0.0.1", 0))
        port = server.getsockname()[1]
        with socket.socket() as below:
            if below.connect_ex(("127.0.0.1", port - 1)) != 0:
                break
        server.close()
    with server:
        yield server
