"""An engine that is reached over a network, as another host's is: deployed, proven, and lost in the middle."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from orthancgen.render.container_files import project_name
from tests.support.contained import Contained, write_images
from tests.support.engine import TestEngine
from tests.support.images import TestImages

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]


class Line:
    """A line from a port of loopback to the engine's socket, that can be cut and mended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self.cut = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                if self.cut:
                    client.close()
                    continue
                threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        """Copy both ways until both ends are closed."""
        with client, socket.socket(socket.AF_UNIX) as target:
            target.connect(str(self._path))
            self._sockets += [client, target]
            back = threading.Thread(target=self._copy, args=(target, client), daemon=True)
            back.start()
            self._copy(client, target)
            back.join()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def break_now(self) -> None:
        """Cut what is there, and refuse what comes."""
        self.cut = True
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it."""
        self.break_now()
        self._server.close()


@pytest.fixture(scope="module")
def line(engine: TestEngine) -> Iterator[Line]:
    """A line to the engine of the tests."""
    found = Line(Path(engine.host.removeprefix("unix://")))
    yield found
    found.close()


@pytest.fixture(scope="module")
def site(
    engine: TestEngine, images: TestImages, line: Line, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contained]:
    """Production on that engine; the address from which it sees this host call is said, as nobody can know it."""
    address = f"tcp://127.0.0.1:{line.port}"
    far = TestEngine(address, engine.folder, {**engine.environment, "DOCKER_HOST": address})
    made = Contained(tmp_path_factory.mktemp("remote"), far, images, "remote")
    made.defaults = {"verification": {"enabled": True, "address": "172.30.242.1"}}
    made.write()
    try:
        made.run("deploy")
        yield made
    finally:
        line.cut = False
        made.end()


def test_another_hosts_engine_is_deployed_and_proven(site: Contained) -> None:
    verified = site.current().verified
    assert verified is not None
    assert verified.failed == 0
    assert verified.passed >= 25
    assert "unchanged" in site.run("deploy").out
    assert not site.engine.local
    assert {row["healthy"] for row in site.json("status")["services"]} == {True}


def test_a_line_that_breaks_in_the_middle(site: Contained, line: Line, tmp_path: Path) -> None:
    write_images(tmp_path / "images", "far", 3)
    site.run("send", str(tmp_path / "images"))
    old, stored = site.current(), site.instances()
    site.write({"orthanc.name": "Changed", "backend.delivery.poll_seconds": 17})
    process = site.start("deploy", "--no-verify", environ={"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    printed = []
    for text in process.stdout:
        printed.append(text)
        if text.startswith("database"):
            line.break_now()
    assert process.wait(400) == 4, printed
    process.stdout.close()
    assert "Traceback" not in "".join(printed)
    assert "hint" in "".join(printed)
    assert site.current() == old
    line.cut = False
    time.sleep(0.2)
    site.run("lock", "--break", "--yes")
    site.runs_release(old)
    assert site.instances() == stored
    assert site.run("lock").out.strip() == "free"
    site.write()
    site.deploy()


def test_another_state_folder_does_not_take_the_site_over(site: Contained, tmp_path: Path) -> None:
    before = site.ids()
    other = Contained(tmp_path / "elsewhere", site.test_engine, site.images, "remote")
    said = other.deploy(code=4)  # by a process of its own
    assert "another state folder" in said.err
    said = other.run("down", "--purge", "--yes", code=4)
    assert "another state folder" in said.err
    assert site.ids() == before
    assert json.loads(site.run("lock", "--json").out)["held"] is False


def test_a_purge_leaves_nothing_on_either_host(site: Contained) -> None:
    project = project_name("remote")
    volumes = set(site.engine.volumes(project))
    assert volumes
    assert site.engine.read_placed(f"{site.state.run}/orthanc/{site.current().draft.digests['orthanc']}")
    removed = site.json("down", "--purge", "--yes")["removed"]
    assert set(removed) == {*volumes, str(site.state.root)}
    assert site.engine.volumes(project) == {}
    assert site.engine.every_container(project) == ()
    assert not site.state.root.exists()
    assert site.run("down", "--purge", "--yes").out == "nothing was there\n"
