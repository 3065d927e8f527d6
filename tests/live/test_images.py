"""Images on a real engine: built, pulled from a real registry, pinned, and refused when they are others."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orthancgen.errors import ImageError
from orthancgen.plan.images import own_image
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.images import check_pin, ensure_named_image, ensure_own_image, image_id, pin_of
from orthancgen.runtimes.compose.pins import read_lock
from orthancgen.runtimes.compose.sources import OWN_IMAGES, build, build_files, fingerprint
from orthancgen.runtimes.report import Silent
from tests.support.engine import TestEngine
from tests.support.environments import MINIMAL
from tests.support.images import TestImages
from tests.support.registry import Registry

pytestmark = pytest.mark.live
DAY = datetime.date(2026, 11, 24)


@pytest.fixture
def used(engine: TestEngine) -> Engine:
    return engine.connect("imagetest")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry") as running:
        yield running


class Told(Silent):
    """A report that remembers how the steps ended."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def done(self, step: str, outcome: str) -> None:
        self.outcomes.append(outcome)


def push(used: Engine, source: str, name: str) -> None:
    repository, _, version = name.rpartition(":")
    used.client.api.tag(source, repository, version)
    printed = used.client.api.push(repository, version)
    assert "error" not in printed, printed
    used.client.api.remove_image(name)


def small_image(used: Engine, base: str, text: str) -> str:
    build(used.client.api, {"Dockerfile": f"FROM {base}\nLABEL text={text}\n".encode()}, tag=f"imagetest:{text}")
    return f"imagetest:{text}"


def test_an_image_is_pulled_pinned_and_another_one_refused(
    used: Engine, images: TestImages, registry: Registry
) -> None:
    name = f"{registry.host}/imagetest:1"
    push(used, small_image(used, images.base, "one"), name)
    told = Told()
    identity = ensure_named_image(used, name, told)
    assert ensure_named_image(used, name, told) == identity
    assert told.outcomes == ["pulled"], "only where it is missing"
    pin = pin_of(used, name, DAY)
    assert pin.digest is not None
    assert pin.id == identity
    check_pin(used, name, name, pin)

    # By its digest, as a pinned environment asks for it, it is there without being pulled.
    assert ensure_named_image(used, f"{name}@{pin.digest}", told) == identity
    assert told.outcomes == ["pulled"]

    push(used, small_image(used, images.base, "two"), name)
    ensure_named_image(used, name, told, again=True)
    with pytest.raises(ImageError, match=r"was sha256:.* when it was pinned on 2026-11-24") as caught:
        check_pin(used, name, name, pin)
    assert caught.value.hint is not None
    assert "orthancgen pin" in caught.value.hint
    # The one that was pinned is still in the registry, and had by its digest.
    used.client.api.remove_image(name, force=True)
    used.client.api.remove_image(identity, force=True)
    assert ensure_named_image(used, f"{name}@{pin.digest}", told) == identity


def test_an_image_that_nobody_has(used: Engine, registry: Registry) -> None:
    name = f"{registry.host}/none:1"
    with pytest.raises(ImageError, match=rf"the image {name} is not on the engine and cannot be pulled") as caught:
        ensure_named_image(used, name, Silent())
    assert caught.value.hint == "is its name and tag right? see the registry's page of it"


def test_a_registry_that_is_not_reached(used: Engine, registry: Registry) -> None:
    registry.stop()
    with pytest.raises(ImageError, match="connection refused") as caught:
        ensure_named_image(used, f"{registry.host}/none:1", Silent())
    assert caught.value.hint is not None
    assert "docker load" in caught.value.hint


def test_our_own_image_is_built_once_for_its_sources(used: Engine, images: TestImages) -> None:
    told = Told()
    arguments = {"BASE_IMAGE": images.base}
    identity = ensure_own_image(used, "gateway", told, arguments=arguments)
    assert ensure_own_image(used, "gateway", told, arguments=arguments) == identity
    assert told.outcomes == ["built"]
    exact = f"{own_image('gateway')}-{fingerprint(build_files(OWN_IMAGES['gateway']))}"
    assert image_id(used, exact) == image_id(used, own_image("gateway")) == identity

    # Somebody gives the version's name to another image: the compose file must not run that.
    used.client.api.tag(images.base, *own_image("gateway").split(":"))
    assert ensure_own_image(used, "gateway", told) == identity
    assert image_id(used, own_image("gateway")) == identity


def test_a_build_that_fails_says_what_was_printed(used: Engine, images: TestImages) -> None:
    files = {"Dockerfile": f"FROM {images.base}\nRUN echo the reason && false\n".encode()}
    with pytest.raises(ImageError, match="the reason"):
        build(used.client.api, files, tag="imagetest:broken")
    with pytest.raises(ImageError, match=r"127\.0\.0\.1:1/v2/.*connection refused"):
        ensure_own_image(used, "backup", Silent(), arguments={"BASE_IMAGE": "127.0.0.1:1/none:1"}, again=True)


def run(engine: TestEngine, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "orthancgen", *arguments], cwd=folder, capture_output=True, text=True, timeout=300,
        stdin=subprocess.DEVNULL, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", **engine.environment},
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.fixture
def environment(tmp_path: Path, images: TestImages) -> Path:
    """A folder with an environment in containers."""
    named = f"images: {{orthanc: '{images.orthanc_new}', mongo: '{images.mongo}', backend: '{images.backend}'}}\n"
    (tmp_path / "dev.yaml").write_text(MINIMAL + "runtime: compose\n" + named)
    return tmp_path


def test_the_command_pins(engine: TestEngine, used: Engine, images: TestImages, environment: Path) -> None:
    done = run(engine, environment, "pin", "dev.yaml")
    assert done.returncode == 0, done.stderr
    lock = environment / "dev.lock.yaml"
    pins = read_lock(lock)
    assert set(pins) == {images.orthanc_new, images.mongo, images.backend}
    assert pins[images.mongo].id == image_id(used, images.mongo)
    assert "written" in done.stdout
    first = lock.read_bytes()
    again = run(engine, environment, "pin", "dev.yaml", "--json")
    assert json.loads(again.stdout)["changed"] is False
    assert lock.read_bytes() == first


def test_the_command_needs_an_engine(environment: Path, engine: TestEngine) -> None:
    broken = TestEngine("", engine.folder, {"DOCKER_HOST": f"unix://{environment}/none.sock"})
    done = run(broken, environment, "pin", "dev.yaml")
    assert done.returncode == 4
    assert "no container engine is running" in done.stderr
    assert not (environment / "dev.lock.yaml").exists()


def test_the_command_lists(engine: TestEngine, environment: Path, images: TestImages) -> None:
    done = run(engine, environment, "images", "list", "dev.yaml", "--json")
    assert done.returncode == 0, done.stderr
    listed = {row["image"]: row["id"] for row in json.loads(done.stdout)["images"]}
    assert listed[images.mongo].startswith("sha256:")
    assert own_image("backup") in listed


@pytest.mark.parametrize("arguments", [["nothing"], ["backup", "--build-arg", "x"]])
def test_the_command_refuses_what_it_does_not_know(engine: TestEngine, environment: Path, arguments: list[str]) -> None:
    assert run(engine, environment, "images", "build", "dev.yaml", *arguments).returncode == 2


USERS = {"orthanc": "999:999", "backend": "10001:10001", "gateway": "10002:10002", "backup": "0:0"}


@pytest.mark.parametrize("name", USERS)
def test_an_image_runs_as_its_user_and_carries_no_package_lists(used: Engine, images: TestImages, name: str) -> None:
    image = getattr(images, name)
    configuration = used.client.images.get(image).attrs["Config"]
    assert configuration["User"] == USERS[name]
    assert configuration["Labels"]["org.opencontainers.image.title"] == f"orthancgen {name}"
    script = "id -u; id -g; find /var/lib/apt/lists /var/cache/apt -type f -size +0 2>/dev/null; true"
    printed = used.client.containers.run(
        image, ["-c", script], entrypoint=["sh"], remove=True, network_disabled=True, read_only=True
    ).decode()  # fmt: skip
    assert printed.split() == USERS[name].split(":")
