"""Fixtures of the live suite."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orthancgen.runtimes.native.apps import NODE_APPS, ensure_built
from orthancgen.runtimes.native.programs import Programs, find_node
from orthancgen.runtimes.report import Silent
from orthancgen.runtimes.state import State
from tests.support.breaking import SETTINGS, go_on
from tests.support.engine import TestEngine, running_engine
from tests.support.images import TestImages, build_all, build_analysis, build_viewer, prepare
from tests.support.native import Native, native_root
from tests.support.packets import Rig, running_rig

SHARED_APPS = "ORTHANCGEN_TEST_APPS"
"""A folder that everybody may enter, for what several processes of tests build: scripts/tests.py sets it."""


@pytest.fixture(scope="session")
def state_root() -> Iterator[Path]:
    """A short folder for the states of environments, with the built programs in it: npm runs once for all tests."""
    with native_root() as root:
        state = State(root / "build")
        if SHARED_APPS in os.environ:
            state.apps.symlink_to(os.environ[SHARED_APPS])
        else:
            state.apps.mkdir()
        node, npm = find_node()
        with (state.apps / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second waits for what the first one builds
            for name in NODE_APPS:
                ensure_built(name, Programs(Path("Orthanc"), None, node, npm), state, Silent(), ())
        yield root


@pytest.fixture(scope="session")
def native_apps(state_root: Path) -> Path:
    """The folder of built applications, for environments with a state root of their own."""
    return state_root / "apps"


@pytest.fixture(scope="session")
def site_for_faults(native_apps: Path) -> Iterator[Native]:
    """A deployed native site, for faults that are injected into it: one for every file of such tests."""
    native = Native(native_apps.parent / "doctor", apps=native_apps)
    native.write(SETTINGS)
    try:
        native.started()
        yield native
    finally:
        go_on(native)
        native.end()


@pytest.fixture(scope="session")
def engine() -> Iterator[TestEngine]:
    """A container engine of the tests' own, with Compose; ended with everything on it."""
    with running_engine() as started:
        yield started


@pytest.fixture(scope="session")
def images(engine: TestEngine) -> TestImages:
    """Every image of the tests, built from nothing on that engine."""
    client = engine.connect().client
    client.api.timeout = 600
    with ThreadPoolExecutor(12) as pool:
        return build_all(client, prepare(pool), pool)


@pytest.fixture(scope="session")
def page_images(engine: TestEngine, images: TestImages) -> dict[str, str]:
    """The images of the viewer and of the analysis on that engine, beside the others: service -> name."""
    assert images
    client = engine.connect().client
    client.api.timeout = 600
    with ThreadPoolExecutor(2) as pool:
        made = {"viewer": pool.submit(build_viewer, client), "analysis": pool.submit(build_analysis, client)}
        return {service: image.result() for service, image in made.items()}


@pytest.fixture(scope="session")
def packets() -> Iterator[Rig]:
    """A host of its own in a network namespace, with an engine that publishes ports, and machines that call it."""
    with running_rig() as rig:
        yield rig
