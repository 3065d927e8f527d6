"""Harm that is done to an environment: services killed, frozen, stopped, replaced; folders exchanged."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from orthancgen.plan.model import ServiceName
from tests.support.faults.sender import Sender
from tests.support.faults.stack import SERVICES, Stack
from tests.support.servers import wait_until


@dataclass(frozen=True)
class Kill:
    """One SIGKILL: when so many instances are confirmed and this much time has gone by since."""

    at_confirmed: int
    seconds_later: float
    service: ServiceName


def kill_schedule(seed: int, kills: int, instances: int) -> list[Kill]:
    """Kills at random moments of the storing, each service equally often, in random order."""
    rng = random.Random(seed)
    services = [SERVICES[number % len(SERVICES)] for number in range(kills)]
    rng.shuffle(services)
    moments = sorted(rng.uniform(0.02, 1.0) for _ in services)
    return [
        Kill(int(moment * instances), rng.uniform(0, 0.3), service)
        for moment, service in zip(moments, services, strict=True)
    ]


def carry_out(stack: Stack, schedule: Sequence[Kill], sender: Sender) -> Counter[str]:
    """Kills as scheduled while the sender sends; returns how often each service was killed."""
    killed: Counter[str] = Counter()
    for kill in schedule:
        wait_until(partial(sender.reaches, kill.at_confirmed), seconds=120, what=f"{kill.at_confirmed} confirmed")
        time.sleep(kill.seconds_later)
        stack.kill(kill.service)
        killed[kill.service] += 1
    return killed


@contextmanager
def stopped(stack: Stack, name: ServiceName) -> Iterator[None]:
    """A service is stopped for the length of the block."""
    stack.stop(name)
    try:
        yield
    finally:
        stack.start(name)


@contextmanager
def frozen(stack: Stack, name: ServiceName) -> Iterator[None]:
    """A service's process hangs (SIGSTOP): its port takes connections, and nothing answers."""
    pid = stack.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        stack.wait_healthy(name)


@dataclass
class Impostor:
    """What a server in the backend's place saw: how many requests."""

    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> None:
        """One request more."""
        with self.lock:
            self.requests += 1


@contextmanager
def failing_backend(stack: Stack) -> Iterator[Impostor]:
    """In the backend's place, a server that answers everything with 500."""
    with _impostor(stack, lambda _: (500, {"error": "broken on purpose"})) as impostor:
        yield impostor


@contextmanager
def slow_backend(stack: Stack, seconds: float) -> Iterator[Impostor]:
    """In the backend's place, a server that acknowledges each poke after so long."""

    def answer(poke: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
        time.sleep(seconds)
        return 202, {"ack": poke["id"]}

    with _impostor(stack, answer) as impostor:
        yield impostor


@contextmanager
def _impostor(stack: Stack, answer: Callable[[Mapping[str, str]], tuple[int, Mapping[str, str]]]) -> Iterator[Impostor]:
    impostor = Impostor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            impostor.count()
            status, document = answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(document, separators=(",", ":")).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # Orthanc did not wait for it
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            pass

    with stopped(stack, "backend"):
        server = ThreadingHTTPServer(("127.0.0.1", stack.plan.site.backend.port), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield impostor
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@contextmanager
def silent_backend(stack: Stack) -> Iterator[Impostor]:
    """In the backend's place, a server that takes every connection and never says a word."""
    impostor = Impostor()
    taken: list[socket.socket] = []
    done = threading.Event()

    def serve(server: socket.socket) -> None:
        while not done.is_set():
            with suppress(TimeoutError):
                taken.append(server.accept()[0])
                impostor.count()

    with stopped(stack, "backend"):
        server = socket.create_server(("127.0.0.1", stack.plan.site.backend.port))
        server.settimeout(0.05)
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        try:
            yield impostor
        finally:
            done.set()
            thread.join()
            for one in [*taken, server]:
                one.close()


def replace_folder(source: Path | None, target: Path) -> None:
    """`target` becomes a copy of `source`, or empty without one; its owner stays."""
    owner = target.stat()
    shutil.rmtree(target)
    if source is None:
        target.mkdir(mode=0o700)
    else:
        shutil.copytree(source, target)
    for path in [target, *target.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
