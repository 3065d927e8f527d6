"""A real engine: why it cannot be used, files on its host, volumes, containers, Compose."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orthancgen.errors import (
    EngineAbsentError,
    EngineError,
    EngineLostError,
    EngineRefusedError,
    EngineTooOldError,
    Exit,
)
from orthancgen.runtimes.compose.command import ComposeFailed
from orthancgen.runtimes.compose.container import Container
from orthancgen.runtimes.compose.engine import ENVIRONMENT_LABEL, Engine, PlacedFile, connect
from orthancgen.runtimes.compose.hostfiles import HELPER_IMAGE, MARKER
from orthancgen.runtimes.compose.settle import end_commands, wait_settled
from tests.support.engine import TestEngine
from tests.support.images import TestImages
from tests.support.servers import wait_until

pytestmark = pytest.mark.live


@pytest.fixture
def used(engine: TestEngine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine, found by the environment as orthancgen finds it."""
    for name, text in engine.environment.items():
        monkeypatch.setenv(name, text)
    return connect(environment="enginetest")


@pytest.fixture
def project(used: Engine, images: TestImages, tmp_path: Path) -> Iterator[Project]:
    """A Compose project of small services, removed with its volumes after the test."""
    made = Project(used, images, tmp_path)
    yield made
    used.remove_project(made.name, stop_seconds=0)
    for volume in used.volumes(made.name):
        used.client.api.remove_volume(volume)


class Project:
    name = "orthancgen-enginetest"

    def __init__(self, engine: Engine, images: TestImages, folder: Path) -> None:
        self.engine, self.image, self.folder = engine, images.base, folder

    def compose(self, *arguments: str, services: dict[str, Any] | None = None, **options: Any) -> list[str]:
        file = self.folder / "compose.yaml"
        if services is not None:
            common = {"image": self.image, "init": True, "labels": {ENVIRONMENT_LABEL: "enginetest"}}
            document = {"services": {name: {**common, **more} for name, more in services.items()}}
            file.write_text(json.dumps(document))
        return self.engine.compose(arguments, project=self.name, folder=self.folder, files=[file], **options)


# -- why an engine cannot be used -------------------------------------------------------------------------------------


def test_no_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineAbsentError, match=r"no container engine is running: .*No such file") as caught:
        connect(f"unix://{tmp_path}/none.sock")
    assert caught.value.exit_code == Exit.DEPLOY_FAILED
    assert caught.value.hint is not None
    assert "systemctl start docker" in caught.value.hint


def test_an_engine_that_ended(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left.sock"))
    with pytest.raises(EngineAbsentError, match="Connection refused"):
        connect(f"unix://{tmp_path}/left.sock")


def test_nobody_listens_at_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(EngineAbsentError, match=rf"answers at tcp://127\.0\.0\.1:{port} \(Connection refused\)"):
        connect(f"tcp://127.0.0.1:{port}")


def test_another_user_may_not(engine: TestEngine) -> None:
    connect(engine.host)  # everything is imported before the rights are gone
    os.seteuid(65534)
    try:
        with pytest.raises(EngineRefusedError, match=r"this user may not use the container engine") as caught:
            connect(engine.host)
    finally:
        os.seteuid(0)
    assert caught.value.hint is not None
    assert "usermod -aG docker" in caught.value.hint


class Answer(http.server.BaseHTTPRequestHandler):
    body = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def answering(body: bytes) -> Iterator[str]:
    """Something that gives the same answer to every question."""
    handler = type("Fixed", (Answer,), {"body": body})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("api", ["1.40", "1.18"])
def test_an_old_engine(api: str) -> None:
    with (
        answering(json.dumps({"ApiVersion": api, "Version": "19.03.15"}).encode()) as host,
        pytest.raises(EngineTooOldError, match="too old") as caught,
    ):
        connect(host)
    assert caught.value.hint == "install Docker Engine 20.10 or newer"


@pytest.mark.parametrize("body", [b"{}", b"<html>", b"[]"])
def test_something_that_is_no_engine(body: bytes) -> None:
    with answering(body) as host, pytest.raises(EngineError) as caught:
        connect(host)
    assert host in caught.value.message + str(caught.value.hint)


@contextlib.contextmanager
def forwarded(engine: TestEngine) -> Iterator[tuple[str, threading.Event]]:
    """The engine behind an address that can be cut off."""
    path = engine.host.removeprefix("unix://")
    cut = threading.Event()
    pairs: list[socket.socket] = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        threads = []
        while not cut.is_set():
            try:
                near, _ = server.accept()
            except TimeoutError:
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect(path)
            pairs.extend((near, far))
            threads += [threading.Thread(target=pump, args=pair) for pair in ((near, far), (far, near))]
            for thread in threads[-2:]:
                thread.start()
        server.close()
        for one in pairs:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for one in pairs:
            one.close()

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}", cut
    finally:
        cut.set()
        serving.join()


def test_an_engine_that_is_lost_in_the_middle(engine: TestEngine, tmp_path: Path) -> None:
    with forwarded(engine) as (host, cut):
        used = connect(host)
        assert used.containers("nothing") == {}
        assert not used.local
        cut.set()
        wait_until(lambda: not _accepts(host), what="the address is cut off")
        for action in (
            lambda: used.containers("nothing"),
            lambda: used.place([PlacedFile("a", b"1", 0, 0, 0o400)], f"{tmp_path}/run"),
            lambda: used.ensure_volume("enginetest-lost", 1, 1, {}),
            lambda: used.execute("x", ["true"]),
        ):
            with pytest.raises(EngineLostError, match="stopped answering") as caught:
                action()
            assert caught.value.hint is not None
        (tmp_path / "compose.yaml").write_text("services: {a: {image: a}}")
        with pytest.raises(ComposeFailed) as failed:
            used.compose(["ps"], project="nothing", folder=tmp_path, files=[tmp_path / "compose.yaml"])
        assert failed.value.hint is not None
        assert "stopped answering" in failed.value.hint


def _accepts(host: str) -> bool:
    port = int(host.rpartition(":")[2])
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def test_the_engine_says_who_it_is(used: Engine, engine: TestEngine) -> None:
    assert used.local
    assert used.id == connect(engine.host).id != ""
    assert used.version
    assert used.name == socket.gethostname()


# -- files on the engine's host ---------------------------------------------------------------------------------------


def test_files_are_placed_with_owner_and_mode(used: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "run" / "orthanc" / "abc"
    assert not used.has_placed(str(folder))
    files = [
        PlacedFile("orthanc.json", b"{}", 0, 0, 0o444),
        PlacedFile("secrets/password", b"p\xc3\xa4ss\n", 999, 998, 0o400),
        PlacedFile("secrets/empty", b"", 999, 999, 0o400),
    ]
    used.place(files, str(folder))
    assert used.has_placed(str(folder))
    for file in files:
        path = folder / file.path
        seen = path.stat()
        assert (path.read_bytes(), seen.st_uid, seen.st_gid) == (file.content, file.uid, file.gid)
        assert seen.st_mode & 0o7777 == file.mode
    assert folder.stat().st_mode & 0o777 == 0o700, "the folder is open to root alone"
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o755, "a container may mount the whole of it"
    assert not [one for one in used.client.containers.list(all=True) if one.image.tags == [HELPER_IMAGE]]


def test_a_folder_that_was_not_finished_counts_as_not_there(used: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "abc"
    used.place([PlacedFile("a", b"1", 0, 0, 0o400)], str(folder))
    (folder / MARKER).unlink()
    assert not used.has_placed(str(folder))
    used.place([PlacedFile("a", b"2", 7, 7, 0o440)], str(folder))
    assert used.has_placed(str(folder))
    assert (folder / "a").read_bytes() == b"2"
    assert (folder / "a").stat().st_uid == 7


def test_a_host_that_cannot_be_written(used: Engine) -> None:
    with pytest.raises(EngineError, match="cannot write into /proc/nothing/here"):
        used.place([PlacedFile("a", b"1", 0, 0, 0o400)], "/proc/nothing/here")


def test_the_helper_is_made_again_when_it_was_removed(used: Engine, tmp_path: Path) -> None:
    used.place([PlacedFile("a", b"1", 0, 0, 0o400)], str(tmp_path / "one"))
    used.client.api.remove_image(HELPER_IMAGE, force=True)
    assert used.has_placed(str(tmp_path / "one"))


def test_what_is_not_kept_is_removed(used: Engine, images: TestImages, tmp_path: Path) -> None:
    root = tmp_path / "run"
    for name in ("orthanc/aa", "orthanc/bb", "backend/cc"):
        used.place([PlacedFile("secrets/s", b"1", 999, 999, 0o400)], str(root / name))
    assert used.remove_placed(str(root), {"orthanc/bb"}, image=images.base) == ["backend/cc", "orthanc/aa"]
    assert used.has_placed(str(root / "orthanc/bb"))
    assert sorted(path.name for path in root.glob("*/*")) == ["bb"]
    assert used.remove_placed(str(tmp_path / "none"), set(), image=images.base) == []
    assert not (tmp_path / "none").exists()


# -- volumes ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def volume(used: Engine) -> Iterator[str]:
    """The name of a volume that is not there yet, removed after the test."""
    yield "enginetest-volume"
    with contextlib.suppress(Exception):
        used.client.api.remove_volume("enginetest-volume")


def mountpoint(used: Engine, name: str) -> Path:
    return Path(used.client.api.inspect_volume(name)["Mountpoint"])


def test_a_volume_gets_its_owner_once(used: Engine, volume: str) -> None:
    assert used.ensure_volume(volume, 999, 998, {"com.docker.compose.project": "enginetest"})
    path = mountpoint(used, volume)
    assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777) == (999, 998, 0o700)
    assert set(used.volumes("enginetest")) == {volume}
    assert used.client.api.inspect_volume(volume)["Labels"][ENVIRONMENT_LABEL] == "enginetest"
    (path / "index").write_bytes(b"")
    os.chown(path, 1, 1)
    assert not used.ensure_volume(volume, 999, 998, {})
    assert path.stat().st_uid == 1, "one that has something in it is never touched"


def test_a_run_that_was_cut_off_before_the_owner_was_set(used: Engine, volume: str) -> None:
    used.client.api.create_volume(volume)
    assert not used.ensure_volume(volume, 999, 999, {})
    assert mountpoint(used, volume).stat().st_uid == 999


def test_a_volume_in_a_folder_of_the_host(used: Engine, volume: str, tmp_path: Path) -> None:
    options = {"type": "none", "o": "bind", "device": str(tmp_path / "disk")}
    with pytest.raises(EngineError, match="no such file or directory"):
        used.ensure_volume(volume, 999, 999, {}, options=options)
    (tmp_path / "disk").mkdir()
    used.ensure_volume(volume, 999, 999, {}, options=options)
    assert (tmp_path / "disk").stat().st_uid == 999


def test_how_much_room_a_volume_has(used: Engine, images: TestImages, volume: str) -> None:
    used.ensure_volume(volume, 999, 999, {})
    before = {one.name for one in used.client.volumes.list()}
    assert used.disk_free(volume, image=images.mongo) is not None
    assert {one.name for one in used.client.volumes.list()} == before, "none is left of those that the image declares"
    free = used.disk_free(volume, image=images.base)
    assert free is not None
    seen = os.statvfs(mountpoint(used, volume))
    assert abs(free - seen.f_bavail * seen.f_frsize) < 1 << 30


# -- containers and Compose -------------------------------------------------------------------------------------------


def test_containers_say_how_they_are(project: Project) -> None:
    project.compose(
        "up", "--detach",
        services={
            "runs": {
                "command": ["sh", "-c", "echo one; echo two; exec sleep 100"],
                "healthcheck": {"test": ["CMD", "true"], "interval": "1s"},
            },
            "ends": {"command": ["sh", "-c", "exit 7"]},
        },
    )  # fmt: skip
    engine = project.engine
    wait_until(
        lambda: (now := engine.containers(project.name))["runs"].health == "healthy" and now["ends"].status == "exited",
        what="each came to its end",
    )
    found = engine.containers(project.name)
    assert found["runs"].status == "running"
    assert found["runs"].image == project.image
    assert found["runs"].image_id.startswith("sha256:")
    assert found["runs"].pid > 0
    assert 0 <= found["runs"].uptime_seconds < 100
    assert (found["ends"].exit_code, found["ends"].oom_killed, found["ends"].uptime_seconds) == (7, False, 0)
    assert engine.logs(project.name, "runs", 1) == ["two"]
    assert engine.logs(project.name, "none", 1) == []
    assert list(engine.follow(project.name, ("ends", "runs"), 5, follow=False)) == [("runs", "one"), ("runs", "two")]

    identity = found["runs"].id
    assert engine.execute(identity, ["sh", "-c", "echo hi; exit 3"]) == (3, "hi\n")
    assert engine.execute(identity, ["nothing-of-this-name"])[0] in {126, 127}
    engine.pause(identity)
    assert engine.containers(project.name)["runs"].status == "paused"
    assert engine.execute(identity, ["true"])[0] == 126
    engine.unpause(identity)
    wait_until(lambda: engine.containers(project.name)["runs"].status == "running", what="it goes on")

    engine.remove_project(project.name, stop_seconds=1)
    assert engine.containers(project.name) == {}
    assert not engine.client.networks.list(filters={"label": f"com.docker.compose.project={project.name}"})
    assert engine.execute(identity, ["true"])[0] == 126
    engine.remove_container(identity)


def test_a_container_that_needs_more_memory_than_it_may_have(project: Project) -> None:
    """An engine can miss why the kernel ended a container: seen here with one of 25, on a busy machine."""
    grows = {"command": ["tail", "/dev/zero"], "mem_limit": "20m", "memswap_limit": "20m", "init": False}

    def end() -> Container:
        project.compose("up", "--detach", "--force-recreate", services={"grows": grows})
        wait_until(lambda: project.engine.containers(project.name)["grows"].status == "exited", what="it ends")
        return project.engine.containers(project.name)["grows"]

    ends = [end()]
    while not ends[-1].oom_killed and len(ends) < 5:
        ends.append(end())
    assert ends[-1].oom_killed
    assert {one.exit_code for one in ends} == {137}


def test_logs_are_followed_until_the_end(project: Project) -> None:
    project.compose("up", "--detach", services={"a": {"command": ["sh", "-c", "echo one; sleep 1; echo two; sleep 1"]}})
    assert list(project.engine.follow(project.name, ("a",), 10, follow=True)) == [("a", "one"), ("a", "two")]


def test_a_failure_of_compose_is_told(project: Project) -> None:
    with pytest.raises(ComposeFailed, match="no such service: none") as caught:
        project.compose("up", "none", services={"a": {"command": ["true"]}})
    assert caught.value.exit_code == Exit.DEPLOY_FAILED
    assert caught.value.lines[-1] == "no such service: none"


def test_a_port_that_is_taken_is_told(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ComposeFailed, match=str(port)) as caught:
            project.compose(
                "up", "--detach", services={"a": {"command": ["true"], "ports": [f"127.0.0.1:{port}:80"]}}
            )  # fmt: skip
    assert caught.value.hint is not None
    assert "another program uses the port" in caught.value.hint


def test_variables_and_no_file_beside_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.folder / ".env").write_text("GIVEN=from-the-file\nOTHER=from-the-file\n")
    monkeypatch.setenv("OTHER", "from-the-caller")
    services = {"a": {"command": ["echo", "${GIVEN:-unset} ${OTHER:-unset}"]}}
    lines: list[str] = []
    printed = project.compose(
        "run", "--rm", "-T", "a", services=services, environment={"GIVEN": "given"}, on_line=lines.append
    )  # fmt: skip
    assert printed == ["given unset"]
    assert "given unset" in lines


@pytest.mark.parametrize("how", ["timeout", "interrupt"])
def test_what_is_cut_off_leaves_nothing_running(project: Project, how: str) -> None:
    def interrupt(line: str) -> None:
        if how == "interrupt" and line == "started":
            raise KeyboardInterrupt

    services = {"a": {"command": ["sh", "-c", "echo started; sleep 300"], "init": True}}
    limit = 4 if how == "timeout" else 120
    began = time.monotonic()
    with pytest.raises(ComposeFailed if how == "timeout" else KeyboardInterrupt):
        project.compose(
            "run", "--rm", "-T", "a", services=services, timeout_seconds=limit, on_line=interrupt,
        )  # fmt: skip
    assert time.monotonic() - began < 150  # the container would run for twice as long
    engine = project.engine
    assert not engine.client.containers.list(all=True, filters={"label": f"com.docker.compose.project={project.name}"})
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert project.name not in listed, "no command of Compose is left"


# -- what a killed run left -------------------------------------------------------------------------------------------


def test_compose_that_goes_on_without_its_run_is_ended(project: Project, tmp_path: Path) -> None:
    """As the docker command of Debian 12 leaves its plugin alone when it is told to end."""
    other = tmp_path.parent / f"{tmp_path.name}-other"
    commands = {
        folder: subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)", "--project-directory", str(folder)]
        )
        for folder in (project.folder / "releases" / "0001", other)
    }
    try:
        assert end_commands(project.folder) == 1
        assert [process.poll() is None for process in commands.values()] == [False, True]
    finally:
        for process in commands.values():
            process.kill()
            process.wait()


def test_a_container_that_is_being_stopped_is_waited_for(project: Project) -> None:
    """The engine goes on with it when nobody waits for the answer any more: until then it seems to run."""
    project.compose("up", "--detach", services={"slow": {"command": ["sh", "-c", "trap '' TERM; sleep 600"]}})
    container = project.engine.containers(project.name)["slow"]
    wait_settled(project.engine, project.name)
    assert project.engine.containers(project.name)["slow"].status == "running"
    stopping = threading.Thread(target=project.engine.stop, args=(container.id,), kwargs={"stop_seconds": 4})
    stopping.start()
    time.sleep(1)
    assert project.engine.containers(project.name)["slow"].status == "running"
    wait_settled(project.engine, project.name)
    assert project.engine.containers(project.name)["slow"].status == "exited"
    stopping.join()
