"""The lock of an engine, on a real one: it excludes those who share nothing but that engine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from orthancgen.errors import DeployError, EngineError, LockedError
from orthancgen.release.engine_lock import IMAGE, TAG, EngineLock
from orthancgen.release.lock import FileLock, Lock, break_lock, holders
from tests.support.engine import TestEngine

pytestmark = pytest.mark.live

NAME = "locktest"
HOLD = """
import signal, sys, time
from orthancgen import cli
from orthancgen.release.engine_lock import EngineLock
from orthancgen.release.lock import Lock
from orthancgen.runtimes.compose.engine import connect
signal.signal(signal.SIGTERM, cli._end)  # as the command line does
signal.signal(signal.SIGINT, signal.default_int_handler)
engine = connect(sys.argv[1], need_compose=False)
with Lock.acquire(sys.argv[2], "deploy", "a long one", [EngineLock(engine.client, sys.argv[2])]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def client(engine: TestEngine) -> Iterator[Any]:
    client = engine.connect().client
    yield client
    for name in (NAME, "prod"):
        with contextlib.suppress(Exception):
            client.api.remove_container(f"orthancgen-lock-{name}", force=True)
    client.close()


@pytest.fixture
def store(client: Any) -> EngineLock:
    return EngineLock(client, NAME)


@contextlib.contextmanager
def another_process(engine: TestEngine, environment: str = NAME) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, engine.host, environment], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_two_state_folders_and_one_engine(store: EngineLock, tmp_path: Path, client: Any) -> None:
    mine, theirs = FileLock(tmp_path / "mine" / "lock.json"), FileLock(tmp_path / "theirs" / "lock.json")
    with Lock.acquire(NAME, "deploy", "an update", [mine, store]) as lock:
        assert store.read() == mine.read() == lock.holder
        with pytest.raises(LockedError, match="an update") as caught:
            Lock.acquire(NAME, "deploy", "", [theirs, EngineLock(client, NAME)])
        assert f"container orthancgen-lock-{NAME}" in caught.value.message
        assert theirs.read() is None
        container = client.containers.get(store.name)
        assert container.status == "created"
        assert container.labels["org.orthancgen.environment"] == NAME
        with Lock.acquire("another", "deploy", "", [EngineLock(client, "another")]):
            pass
    assert holders([mine, store]) == ()
    assert [one.name for one in client.containers.list(all=True) if one.name.startswith("orthancgen-lock-")] == []


def test_the_image_has_nothing_in_it_and_is_made_when_it_is_missing(store: EngineLock, client: Any) -> None:
    with contextlib.suppress(Exception):
        client.images.remove(f"{IMAGE}:{TAG}")
    for _ in range(2):
        with Lock.acquire(NAME, "deploy", "", [store]):
            assert client.images.get(f"{IMAGE}:{TAG}").attrs["Size"] == 0


def test_only_one_of_many_gets_it(engine: TestEngine, store: EngineLock, client: Any, tmp_path: Path) -> None:
    with contextlib.suppress(Exception):
        client.images.remove(f"{IMAGE}:{TAG}")
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from orthancgen.errors import LockedError\nfrom orthancgen.release.engine_lock import EngineLock\n"
        "from orthancgen.release.lock import Lock\nfrom orthancgen.runtimes.compose.engine import connect\n"
        "host, name, go = sys.argv[1:]\nlock = EngineLock(connect(host, need_compose=False).client, name)\n"
        "print('ready', flush=True)\n"
        "while not Path(go).exists():\n    pass\n"
        "import atexit, os\n"
        "try:\n    Lock.acquire(name, 'deploy', str(os.getpid()), [lock])\n    print('won', flush=True)\n"
        "except LockedError:\n    print('lost', flush=True)\n"
        "os._exit(0)\n"
    )
    go = tmp_path / "go"
    processes = [
        subprocess.Popen([sys.executable, "-c", script, engine.host, NAME, str(go)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        go.touch()
        said = {str(process.pid): process.communicate(timeout=240)[0].strip() for process in processes}
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert sorted(said.values()) == ["lost", "lost", "lost", "won"]
    holder = store.read()
    assert holder is not None
    assert said[holder.reason] == "won"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_gives_it_back(engine: TestEngine, store: EngineLock, number: int) -> None:
    with another_process(engine) as other:
        with pytest.raises(LockedError, match=f"process {other.pid}, which still runs"):
            Lock.acquire(NAME, "deploy", "", [store])
        other.send_signal(number)
        other.wait(60)
        assert store.read() is None


def test_a_killed_run_leaves_it_until_it_is_broken(engine: TestEngine, store: EngineLock) -> None:
    with another_process(engine) as other:
        other.kill()
        other.wait(60)
        with pytest.raises(LockedError, match="does not run any more"):
            Lock.acquire(NAME, "deploy", "", [store])
        break_lock(holders([store]))
        with Lock.acquire(NAME, "deploy", "", [store]):
            pass


def test_a_lock_that_was_taken_since_is_not_broken(store: EngineLock) -> None:
    with Lock.acquire(NAME, "deploy", "", [store]):
        seen = holders([store])
    with Lock.acquire(NAME, "deploy", "", [store]) as lock:
        break_lock(seen, force=True)
        assert store.read() == lock.holder


def test_a_container_of_that_name_that_is_no_lock(store: EngineLock, client: Any) -> None:
    with Lock.acquire(NAME, "deploy", "", [store]):
        pass
    client.api.create_container(f"{IMAGE}:{TAG}", ["by-hand"], name=store.name)
    with pytest.raises(DeployError, match="a lock is damaged: container") as caught:
        Lock.acquire(NAME, "deploy", "", [store])
    assert caught.value.hint is not None
    assert f"docker rm {store.name}" in caught.value.hint


def test_an_engine_that_does_not_answer(tmp_path: Path) -> None:
    file = FileLock(tmp_path / "lock.json")
    with socket.socket() as nobody:  # its port is taken, and nobody listens
        nobody.bind(("127.0.0.1", 0))
        client = docker.DockerClient(f"tcp://127.0.0.1:{nobody.getsockname()[1]}", version="1.41")
        store = EngineLock(client, NAME)
        _refused(file, store)
        client.close()


def _refused(file: FileLock, store: EngineLock) -> None:
    with pytest.raises(EngineError, match="cannot take the lock"):
        Lock.acquire(NAME, "deploy", "", [file, store])
    assert file.read() is None


def test_the_verb_shows_and_breaks_it(engine: TestEngine, client: Any, tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "orthancgen", "lock", "prod", "--state", str(tmp_path), *arguments],
            cwd=Path(__file__).parents[2],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **engine.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
        )

    free = run()
    assert (free.returncode, free.stdout) == (0, "free\n"), free.stderr
    with another_process(engine, "prod") as other:
        held = run("--json")
        assert held.returncode == 1
        (holder,) = json.loads(held.stdout)["holders"]
        assert (holder["alive"], holder["process"]["pid"]) == (True, other.pid)
        refused = run("--break", "--yes")
        assert (refused.returncode, "--force" in refused.stderr) == (4, True)
        other.kill()
        other.wait(60)
        broken = run("--break", "--yes")
        assert (broken.returncode, broken.stdout.startswith("broken: container orthancgen-lock-prod")) == (0, True)
    assert run().returncode == 0
    assert json.loads((tmp_path / "prod" / "audit.jsonl").read_text())["outcome"] == "broken"
