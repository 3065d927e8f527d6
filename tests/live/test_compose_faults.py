"""Deploys that break, at every step and in every way: afterwards one release runs, whole, and every image is there."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from orthancgen.release.journal import Step
from tests.support.contained import Contained, write_images
from tests.support.engine import TestEngine
from tests.support.images import TestImages
from tests.support.proof import ProofFigures
from tests.support.servers import cannot_run

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

CHANGES = {
    "orthanc.name": "Changed",
    "backend.delivery.poll_seconds": 17,
    "http.tls": {"enabled": True, "minimum_version": "1.3"},
    "containers.limits.database.memory_megabytes": 900,
}
"""Touches every service."""
STEPS = [step for step in get_args(Step) if "back" not in step and step not in {"images", "analysis", "viewer"}]
"""This environment has neither a viewer nor the analysis."""
"""What a deploy that goes well does; what only a take-back does has tests of its own."""


@pytest.fixture(scope="module")
def prod(engine: TestEngine, images: TestImages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contained]:
    """Production with some images in it."""
    site = Contained(tmp_path_factory.mktemp("faults"), engine, images)
    folder = tmp_path_factory.mktemp("images")
    write_images(folder, "kept", 5)
    try:
        site.run("deploy")
        site.run("send", str(folder))
        yield site
    finally:
        site.end()


@pytest.fixture
def base(prod: Contained) -> Iterator[Contained]:
    """Production as it was first deployed."""
    yield prod
    prod.write()
    if prod.run("lock", code=None).code:
        prod.run("lock", "--break", "--yes")
    prod.deploy()
    assert len(prod.instances()) == 5


def faulty(fault: str) -> dict[str, str]:
    """The variables that make a deploy end at a step."""
    return {"ORTHANCGEN_FAULTS_ALLOWED": "1", "ORTHANCGEN_FAULT": fault}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_each_step(base: Contained, step: str) -> None:
    old = base.current()
    base.run("secrets", "rotate", "database_password")
    base.write(CHANGES)
    killed = base.run("deploy", "--no-verify", environ=faulty(f"kill@{step}"), code=None)
    assert killed.code == -signal.SIGKILL, (step, killed.all)
    # Who comes next is told; nothing is done behind the back of whoever holds it.
    refused = base.run("deploy", "--no-verify", code=4)
    assert "does not run any more" in refused.err
    said = base.run("lock", "--break", "--yes")
    assert "the run that was cut off" in said.out
    now = base.current()
    if step in {"completed"}:
        assert now.number > old.number
    else:
        assert now == old
    base.runs_release(now)
    assert base.run("lock").out.strip() == "free"
    assert len(base.instances()) == 5
    assert not (base.state.root / "journal.json").exists()
    assert base.run("status")


@pytest.mark.parametrize("step", ["files", "release", "database", "database account", "orthanc", "gateway", "verify"])
def test_failed_at_a_step(base: Contained, step: str) -> None:
    old = base.current()
    base.run("secrets", "rotate", "database_password")
    base.run("secrets", "rotate", "database_root_password")
    base.write(CHANGES)
    base.deploy(environ=faulty(f"fail@{step}"), code=4)
    assert base.current() == old
    base.runs_release(old)
    assert len(base.instances()) == 5
    assert base.run("lock").out.strip() == "free"
    # The database has the passwords of the release that runs: its backend is ready.
    assert base.run("status")
    with base.orthanc() as client:
        assert client.get("/system").json()["Name"] == "Orthanc"


@pytest.mark.parametrize("step", ["taking back", "database back", "services back"])
def test_killed_while_it_is_taken_back(base: Contained, step: str) -> None:
    old = base.current()
    base.run("secrets", "rotate", "database_password")
    base.run("secrets", "rotate", "database_root_password")
    base.write(CHANGES)
    environ = {"ORTHANCGEN_FAULTS_ALLOWED": "1", "ORTHANCGEN_FAULT": f"fail@gateway,kill@{step}"}
    killed = base.run("deploy", "--no-verify", environ=environ, code=None)
    assert killed.code == -signal.SIGKILL, killed.all
    base.run("lock", "--break", "--yes")
    assert base.current() == old
    base.runs_release(old)
    assert len(base.instances()) == 5
    assert base.run("status")


def test_an_image_that_is_not_there_is_said_before_anything_is_touched(base: Contained) -> None:
    old, before = base.current(), base.ids()
    base.write({"images.backend": "orthancgen-test/nowhere:1"})
    said = base.deploy(code=4)
    assert "orthancgen-test/nowhere:1" in said.err
    assert "hint" in said.err
    assert base.ids() == before
    assert base.current() == old


def test_an_orthanc_that_refuses_its_configuration_is_taken_back(base: Contained) -> None:
    old = base.current()
    base.write({"orthanc.settings": {"StableAge": 60, "IngestTranscoding": "1.2.3.4.5"}})
    said = base.deploy("--timeout", "20", code=4)
    assert "orthanc did not get healthy" in said.err
    assert "IngestTranscoding" in said.err or "1.2.3.4.5" in said.err  # Orthanc's own words
    assert f"release {old.number} runs again" in said.out
    base.runs_release(old)
    history = {row["release"]: row["state"] for row in base.json("history")["releases"]}
    assert history[max(history)] == "failed"


def test_a_backend_that_never_gets_healthy_is_taken_back(base: Contained) -> None:
    old = base.current()
    client = base.engine.client
    dockerfile = f"FROM {base.images.backend}\nUSER root\nRUN echo 'setInterval(() => 0, 1e6)' > /app/server.mjs\n"
    import io

    for _ in client.api.build(fileobj=io.BytesIO(dockerfile.encode()), tag="orthancgen-test/idle:1", rm=True):
        pass
    base.write({"images.backend": "orthancgen-test/idle:1"})
    said = base.deploy("--timeout", "4", code=4)
    assert "backend did not get healthy" in said.err
    base.runs_release(old)


def test_a_port_that_is_taken_is_said_before_anything_is_touched(base: Contained) -> None:
    old, before = base.current(), base.ids()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        base.write({"http.port": port})
        said = base.deploy(code=4)
    assert f"port {port}" in said.err
    assert "http.port" in said.err
    assert base.ids() == before
    assert base.current() == old


def test_a_full_disk_is_said_and_the_release_goes_on(
    engine: TestEngine, images: TestImages, base: Contained, tmp_path: Path
) -> None:
    """The state folder lies on a disk of its own, which fills up between two deploys."""
    old = base.current()
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)], check=True)
    try:
        subprocess.run(["cp", "-a", f"{base.state_root}/.", str(small)], check=True)
        subprocess.run(["mount", "--bind", str(small), str(base.state_root)], check=True)
        try:
            filler = base.state_root / "filler"
            with filler.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass
            base.write(CHANGES)
            said = base.deploy(code=4)
            assert "No space left" in said.err, said.all
            filler.unlink()
            if base.run("lock", code=None).code:
                base.run("lock", "--break", "--yes")
            assert base.current() == old
            base.runs_release(old)
        finally:
            subprocess.run(["umount", str(base.state_root)], check=True)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_lock_of_another_host_is_respected(base: Contained) -> None:
    """Another operator, with another state folder, on the same engine."""
    from orthancgen.release.engine_lock import EngineLock
    from orthancgen.release.lock import Lock

    before = base.ids()
    base.write(CHANGES)
    with Lock.acquire(base.name, "deploy", "something else", [EngineLock(base.engine.client, base.name)]):
        said = base.deploy(code=4)
    assert "something else" in said.err
    assert base.ids() == before
    assert not (base.state.root / "journal.json").exists()


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("unix:///nowhere/docker.sock", "docker.sock"),
        ("tcp://127.0.0.1:1", "127.0.0.1:1"),
    ],
)
def test_no_engine(base: Contained, host: str, words: str) -> None:
    said = base.run("deploy", environ={"DOCKER_HOST": host}, code=4)
    assert words in said.err
    assert "hint" in said.err


def test_an_engine_that_is_stopped_in_the_middle(engine: TestEngine, base: Contained) -> None:
    """It comes back with the containers that it had, of which some are of one release and some of the other."""
    if engine.stop is None or engine.start is None:
        cannot_run("the engine is not the tests' own (ORTHANCGEN_TEST_ENGINE)")
    old = base.current()
    base.write(CHANGES)
    process = base.start("deploy", "--no-verify", environ={"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    printed = []
    for text in process.stdout:
        printed.append(text)
        if text.startswith("orthanc"):
            engine.stop()
    assert process.wait(400) == 4, printed
    process.stdout.close()
    assert "Traceback" not in "".join(printed)
    engine.start()
    base.run("lock", "--break", "--yes")
    base.runs_release(old)
    assert len(base.instances()) == 5
    assert base.run("status")


def test_a_container_that_dies_restarts_on_the_files_it_was_started_with(base: Contained) -> None:
    """Also while another release is being prepared: each release has its own files."""
    release = base.current()
    container = base.containers()["orthanc"]
    os.kill(_child(container.pid), signal.SIGKILL)
    deadline = time.monotonic() + 180
    while base.containers()["orthanc"].restart_count == 0 or base.containers()["orthanc"].status != "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    while base.run("status", code=None).code:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    base.runs_release(release)
    drift = [one["place"] for one in json.loads(base.run("plan", "--json", code=None).out)["drift"]]
    assert drift == ["container orthanc"]


def _child(pid: int) -> int:
    """The program that init of a container runs."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.parametrize("count", [2, pytest.param(30, marks=pytest.mark.proof)])
def test_killed_at_any_moment(base: Contained, count: int, proof_figures: ProofFigures) -> None:
    """Not at a step but at a random moment: between steps, while Compose works, while the proofs run."""
    moments = random.Random(7)
    took_back = went_on = 0
    for number in range(count):
        old = base.current()
        base.write({**CHANGES, "backend.delivery.poll_seconds": 20 + number})
        process = base.start("deploy", "--no-verify")
        time.sleep(moments.uniform(0.8, 8))
        process.kill()
        process.communicate()
        base.run("lock", "--break", "--yes", code=None)
        now = base.current()
        took_back += now == old
        went_on += now != old
        base.runs_release(now)
        assert len(base.instances()) == 5
        assert base.run("status")
    said = f"{took_back} taken back, {went_on} ended before; never a mixture, no stored instance lost"
    proof_figures("deploys of containers killed at a random moment", count, said)
