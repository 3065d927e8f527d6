"""Fixtures that every suite may use; the servers behind them are in `tests.support.servers`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.doctor import INJECTED
from tests.support.proof import proof_figures as proof_figures
from tests.support.proof import tell_count
from tests.support.sampled import mark
from tests.support.servers import OrthancServer, SecantusServer

StartOrthanc = Callable[..., OrthancServer]

# A shell that starts the tests in the background has them ignore Ctrl-C, and every program they start inherits that:
# those that are interrupted by a test would not notice.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden/ anew; then look at the difference"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a container engine, which `make test` runs beside the rest; and what is a proof."""
    for item in items:
        if "engine" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")
        mark(item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many faults were injected, and in how many the doctor named exactly that one."""
    if INJECTED:
        right = sum(INJECTED.values())
        terminalreporter.line(f"doctor: {len(INJECTED)} faults injected, {right} named as they were")
        for file, count, named in INJECTED.by_file():
            tell_count(file, "faults injected into a running site", count, f"{named} named by the doctor as they were")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def start_orthanc(tmp_path: Path) -> Iterator[StartOrthanc]:
    """Starts real Orthancs with the configuration given (`start_orthanc({...})`); all are stopped after the test."""
    with ExitStack() as stack:
        count = 0

        def start(configuration: Mapping[str, Any] | None = None) -> OrthancServer:
            nonlocal count
            count += 1
            name = f"orthanc{count}"
            return stack.enter_context(OrthancServer(tmp_path / name, configuration, name=name))

        yield start


@pytest.fixture
def orthanc(start_orthanc: StartOrthanc) -> OrthancServer:
    """A real Orthanc with its defaults: anybody may echo and store."""
    return start_orthanc()


@pytest.fixture
def secantus(tmp_path: Path) -> Iterator[SecantusServer]:
    """A real SecantusDB that asks for no login."""
    with SecantusServer(tmp_path / "secantus") as server:
        yield server


@pytest.fixture
def secantus_with_login(tmp_path: Path) -> Iterator[SecantusServer]:
    """A real SecantusDB that refuses who does not log in."""
    with SecantusServer(tmp_path / "secantus", credentials=("orthancgen", "p@ss:w/rd%1")) as server:
        yield server
