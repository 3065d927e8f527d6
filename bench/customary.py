"""The customary design, Lua posting each stored instance: how long until all are told, against our records?"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.figures import Result, Size, alternate, ratio
from bench.senders import INSTANCES, QUICK_INSTANCES, dcmsend, write_work
from bench.site import Running, running_orthanc, running_site

ANSWER_SECONDS = 0.02
WAIT_SECONDS = 600.0

SCRIPT = """\
function OnStoredInstance(instanceId, tags, metadata, origin)
  local event = DumpJson({ id = instanceId, tags = tags })
  HttpPost("http://127.0.0.1:%d/instances", event, { ["Content-Type"] = "application/json" })
end
"""


class Receiver:
    """A backend that answers each call after 20 ms and counts the instances it was told of."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(ANSWER_SECONDS)
                receiver._add(document["id"])
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the base class
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def _add(self, instance: str) -> None:
        with self._lock:
            self._seen.add(instance)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def wait(self, count: int) -> None:
        """Wait until it was told of that many instances.

        Raises:
            TimeoutError: it was not, in WAIT_SECONDS.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while len(self._seen) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._seen)} of {count} instances were told")
            time.sleep(0.01)

    @contextmanager
    def serving(self) -> Iterator[Receiver]:
        """Serve in a thread."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def measure(size: Size, folder: Path) -> Result:
    """All events delivered by the customary design against all records made by ours, both from the sender's start."""
    count = size.of(INSTANCES, QUICK_INSTANCES)
    work = write_work(folder, count)
    ours, ours_store = "ours: until on record, s", "ours: store, s"
    theirs, theirs_store = "customary: until delivered, s", "customary: store, s"

    def our_design() -> Mapping[str, float]:
        with running_site(folder, backend=True) as running:
            started = time.perf_counter()
            stored = dcmsend(running, work)
            running.wait_recorded(count)
            return {ours: time.perf_counter() - started, ours_store: stored}

    def customary_design() -> Mapping[str, float]:
        with Receiver().serving() as receiver, running_orthanc(folder, SCRIPT % receiver.port) as running:
            return _delivered(running, receiver, work, count)

    def _delivered(running: Running, receiver: Receiver, work: Path, count: int) -> Mapping[str, float]:
        started = time.perf_counter()
        stored = dcmsend(running, work)
        receiver.wait(count)
        return {theirs: time.perf_counter() - started, theirs_store: stored}

    measured = alternate(size.rounds, our_design, customary_design)
    figure = ratio("time until all are delivered, customary design / ours", measured, theirs, ours)
    figure = type(figure)(figure.what, figure.values, None, measured)
    return Result(
        "customary",
        f"dcmsend of {count} CT slices; ours writes records into the database, the customary design posts each of them "
        f"by Lua to a backend that answers after {ANSWER_SECONDS * 1000:.0f} ms and does nothing else",
        (figure,),
        (
            "No target: it shows what a call for each instance costs. Orthanc serves Lua events one by one.",
            "Ours pays for real records in a real database, the customary backend for nothing but its 20 ms.",
        ),
        not size.quick,
    )
