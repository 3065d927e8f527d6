"""What is said where an engine hides who calls; the engines themselves are asked in the live tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from orthancgen.errors import EngineError
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.runtimes.compose.arrival import require_arrival
from orthancgen.runtimes.compose.endpoint import Endpoint
from orthancgen.runtimes.compose.engine import Engine
from tests.support.environments import MINIMAL, NEWEST, site_of

CONTAINERS = {
    "runtime": "compose",
    "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.17"},
}


class Told:
    """Keeps what a deploy reports."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, step: str) -> None:
        """Ignored."""

    def done(self, step: str, outcome: str) -> None:
        """Kept."""
        self.lines.append(f"{step}: {outcome}")


def engine(**info: Any) -> Engine:
    """An engine that says this of itself."""
    client = SimpleNamespace(info=lambda: info, close=lambda: None)
    return Engine(client, Endpoint("unix:///run/docker.sock", "the test", {}))


def planned(way: str = "directly") -> Plan:
    return plan(site_of(MINIMAL, {**CONTAINERS, "network/callers_arrive": way}), NEWEST)


def test_docker_desktop_is_refused_where_addresses_count() -> None:
    desktop = engine(OperatingSystem="Docker Desktop")
    with pytest.raises(EngineError) as refused:
        require_arrival(planned(), desktop, Told())
    assert "by_docker_desktop" in (refused.value.hint or "")
    require_arrival(planned("by_docker_desktop"), desktop, Told())


def test_an_engine_without_root_is_told_of() -> None:
    report = Told()
    require_arrival(planned(), engine(SecurityOptions=["name=seccomp,profile=default", "name=rootless"]), report)
    assert report.lines == [
        "engine: runs without root: callers keep their addresses only with the port driver slirp4netns"
    ]
    report = Told()
    require_arrival(planned(), engine(SecurityOptions=None, OperatingSystem="Debian GNU/Linux 12 (bookworm)"), report)
    assert report.lines == []
