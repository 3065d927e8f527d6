"""A TCP proxy: one that breaks connections on purpose, or only stands between."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class CuttingProxy:
    """Forwards TCP connections of loopback to `target_port`, and cuts the first `cuts` of them after some bytes.

    It calls from `source`, an address of loopback.

    Attributes:
        port: where it listens.
        connections: how many it has accepted.
        cut: how many it has cut.
    """

    def __init__(self, target_port: int, *, after_bytes: int, cuts: int, source: str = "127.0.0.1") -> None:
        self._source = source
        self._target_port = target_port
        self._after_bytes = after_bytes
        self._cuts = cuts
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.05)
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.port: int = self._server.getsockname()[1]
        self.connections = 0
        self.cut = 0

    def _serve(self) -> None:
        while not self._done.is_set():
            try:
                client, _ = self._server.accept()
            except TimeoutError:
                continue
            try:
                target = socket.create_connection(
                    ("127.0.0.1", self._target_port), timeout=5, source_address=(self._source, 0)
                )
            except OSError:
                client.close()
                continue
            target.settimeout(None)
            self._sockets += [client, target]
            with self._lock:
                limit = self._after_bytes if self.connections < self._cuts else None
                self.connections += 1
            for source, sink, most in ((client, target, limit), (target, client, None)):
                thread = threading.Thread(target=self._copy, args=(source, sink, most), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _copy(self, source: socket.socket, sink: socket.socket, most: int | None) -> None:
        passed = 0
        try:
            while data := source.recv(8192):
                if most is not None and passed + len(data) > most:
                    sink.sendall(data[: most - passed])
                    with self._lock:
                        self.cut += 1
                    break
                passed += len(data)
                sink.sendall(data)
        except OSError:
            pass
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stops listening and ends every connection."""
        self._done.set()
        self._server.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for sock in self._sockets:
            sock.close()


@contextmanager
def tcp_proxy(target_port: int, *, source: str) -> Iterator[CuttingProxy]:
    """A proxy that cuts nothing, and calls from `source`, for the length of the block."""
    with _listening(CuttingProxy(target_port, after_bytes=0, cuts=0, source=source)) as proxy:
        yield proxy


@contextmanager
def cutting_proxy(target_port: int, *, after_bytes: int, cuts: int) -> Iterator[CuttingProxy]:
    """A `CuttingProxy` that listens for the length of the block."""
    with _listening(CuttingProxy(target_port, after_bytes=after_bytes, cuts=cuts)) as proxy:
        yield proxy


@contextmanager
def _listening(proxy: CuttingProxy) -> Iterator[CuttingProxy]:
    thread = threading.Thread(target=proxy._serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy._done.set()
        thread.join()
        proxy.close()
