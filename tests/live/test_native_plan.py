"""`orthancgen plan` of the native runtime: what it says is what the deploy then does, and it touches nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orthancgen.runtimes.native.running import look
from orthancgen.runtimes.state import State
from tests.support.native import Native

pytestmark = pytest.mark.live


@pytest.fixture
def native(native_apps: Path) -> Iterator[Native]:
    """An environment of Orthanc alone, which was not deployed yet."""
    native = Native(native_apps.parent / "plan", apps=native_apps)
    native.write({"backend.enabled": False, "webhook.enabled": False})
    try:
        yield native
    finally:
        native.end()


def plan(native: Native) -> dict[str, Any]:
    said = native.run("plan", options=["--json"])
    document: dict[str, Any] = json.loads(said.out)
    nothing = not any(document[key] for key in ("files", "services", "secrets", "drift"))
    assert said.code == (0 if nothing else 1), said.all
    return document


def test_a_plan_tells_what_the_deploy_then_does(native: Native) -> None:
    first = plan(native)
    assert not native.state.exists()
    assert [(one["service"], one["action"]) for one in first["services"]] == [("orthanc", "start")]
    assert first["secrets"]["orthanc_password"] == "added"
    assert plan(native)["plan"] == first["plan"]  # also while the values of secrets are not generated yet

    native.deploy("--plan", first["plan"])
    nothing = plan(native)
    assert not any(nothing[key] for key in ("files", "services", "secrets", "drift"))

    native.write({"backend.enabled": False, "webhook.enabled": False, "orthanc.aet": "OTHER"})
    pid = native.pids()["orthanc"]
    changed = plan(native)
    assert {"orthanc/orthanc.json: DicomAet"} <= {f"{one['file']}: {one['path']}" for one in changed["files"]}
    assert [(one["service"], one["action"]) for one in changed["services"]] == [("orthanc", "restart")]
    assert native.pids()["orthanc"] == pid
    assert "is not what would be applied now" in native.deploy("--plan", first["plan"], code=4).err
    native.deploy("--plan", changed["plan"])
    assert native.pids()["orthanc"] != pid

    assert native.run("secrets", "rotate", options=["orthanc_password"]).code == 0
    rotated = plan(native)
    assert rotated["secrets"] == {"orthanc_password": "changed"}
    assert rotated["services"][0]["why"] == ["secret orthanc_password changed"]

    look(State(native.state)).supervisor.stop_services(["orthanc"])
    stopped = plan(native)
    assert [(one["place"], one["found"]) for one in stopped["drift"]] == [("service orthanc", "stopped")]
