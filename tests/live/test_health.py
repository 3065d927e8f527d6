"""The rendered health.sh of the containers, run against real servers: good where they serve, bad where they do not."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bson
import pymongo
import pytest

from orthancgen.orthanc.detect import installed_version
from orthancgen.plan.build import plan
from orthancgen.render.catalogue import render
from tests.support.environments import MINIMAL, site_of
from tests.support.servers import OrthancServer, SecantusServer, free_port, wait_until

pytestmark = pytest.mark.live

COMPOSE: dict[str, Any] = {
    "runtime": "compose",
    "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.17"},
}


def health(script: str, folder: Path, *arguments: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    """What the script says of what runs on this host. The database is asked at the name of its container."""
    path = folder / "health.sh"
    path.write_bytes(render(plan(site_of(MINIMAL, {**COMPOSE, **changes}), installed_version())).file(script).content)
    return subprocess.run(
        ["bash", path, *arguments],
        env={"PATH": os.environ["PATH"], "HOSTNAME": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@contextmanager
def answering(answer: bytes, *, to_its_end: bool = False) -> Iterator[int]:
    """A port whose every caller gets these bytes once it said something."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def serve() -> None:
            while True:
                connection, _ = server.accept()
                with connection:
                    if ended.is_set():
                        return
                    connection.recv(4096)
                    connection.sendall(answer)
                    if to_its_end:
                        # Closed before everything was read, it would be reset, and the answer lost with it.
                        connection.shutdown(socket.SHUT_WR)
                        connection.settimeout(60)
                        while connection.recv(4096):
                            pass

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        try:
            yield port
        finally:
            ended.set()
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()


def test_of_orthanc(start_orthanc: Callable[..., OrthancServer], tmp_path: Path) -> None:
    orthanc = start_orthanc()
    ports = {"dicom/port": orthanc.dicom_port, "http/port": orthanc.http_port}
    good = health("orthanc/health.sh", tmp_path, **ports)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")

    # The DICOM port was looked at, not called: Orthanc has nothing to complain about.
    # What it says of its start, and of the test that waited for it, may still be on its way.
    def unnoticed() -> bool:
        before = orthanc.log()
        health("orthanc/health.sh", tmp_path, **ports)
        return orthanc.log() == before

    wait_until(unnoticed, seconds=10, what="nothing is logged of a look at the DICOM port")
    no_dicom = health("orthanc/health.sh", tmp_path, **{**ports, "dicom/port": free_port()})
    assert no_dicom.returncode == 1
    assert "nothing listens on the DICOM port" in no_dicom.stdout
    no_http = health("orthanc/health.sh", tmp_path, **{**ports, "http/port": free_port()})
    assert no_http.returncode == 1
    assert "nothing listens on the HTTP port" in no_http.stdout
    with answering(b"HTTP/1.1 500 Internal Server Error\r\n\r\n", to_its_end=True) as port:
        failing = health("orthanc/health.sh", tmp_path, **{**ports, "http/port": port})
    assert failing.returncode == 1
    assert "500 Internal" in failing.stdout


def test_of_orthanc_that_asks_for_a_password(start_orthanc: Callable[..., OrthancServer], tmp_path: Path) -> None:
    orthanc = start_orthanc({"RegisteredUsers": {"somebody": "password-of-a-test"}})
    done = health("orthanc/health.sh", tmp_path, **{"dicom/port": orthanc.dicom_port, "http/port": orthanc.http_port})
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("credentials", [None, ("somebody", "password-of-a-test")])
def test_of_the_database(credentials: tuple[str, str] | None, tmp_path: Path) -> None:
    with SecantusServer(tmp_path / "database", credentials=credentials) as database:
        done = health("database/health.sh", tmp_path, **{"backend/database": {"port": database.port}})
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = health("database/health.sh", tmp_path, **{"backend/database": {"port": database.port}})
    assert done.returncode == 1
    assert "nothing listens" in done.stdout


def test_of_a_member_of_a_replica_set(tmp_path: Path) -> None:
    def asked(port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        members = {"runtime": "swarm", "scale": {"databases": 3}, "backend/database": {"port": port}}
        return health("database/health.sh", tmp_path, *arguments, **members)

    with SecantusServer(tmp_path / "database", member=True) as database:
        assert asked(database.port, "member").returncode == 0
        with pymongo.MongoClient[dict[str, Any]]("127.0.0.1", database.port, directConnection=True) as client:
            client.admin.command("replSetStepDown", 60, force=True)
            assert client.admin.command("hello")["secondary"] is True
        assert asked(database.port, "member").returncode == 0
    # One that was told of no other member yet lives, and is none.
    hello = bson.encode({"isWritablePrimary": False, "secondary": False, "isreplicaset": True, "ok": 1.0})
    ghost = struct.pack("<iiiiIb", 21 + len(hello), 7, 1, 2013, 0, 0) + hello
    with answering(ghost) as port:
        assert asked(port).returncode == 0
        none = asked(port, "member")
    assert none.returncode == 1
    assert "neither the primary nor a secondary" in none.stdout


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x10\0\0\0",
        (30).to_bytes(4, "little") + bytes(26),
        (2**31).to_bytes(4, "little") + bytes(26),
    ],
)
def test_of_what_is_no_database(answer: bytes, tmp_path: Path) -> None:
    with answering(answer) as port:
        done = health("database/health.sh", tmp_path, **{"backend/database": {"port": port}})
    assert done.returncode == 1
    assert "does not answer as it should" in done.stdout
