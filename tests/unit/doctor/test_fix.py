from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Fix, Remedy
from orthancgen.doctor.fix import Fixed, fix
from orthancgen.errors import DeployError, LockedError
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.runtime import Deployed, Runtime, Wanted
from orthancgen.runtimes.state import State
from tests.support.environments import MINIMAL, NEWEST, load_text


@dataclass
class Recording:
    """A runtime that notes what it is told, and fails where it is to."""

    plan: Plan
    state: State
    failing: dict[str, Exception] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)

    def access(self) -> Access:
        raise DeployError("not deployed")

    def deploy(self, report: Report, wanted: Wanted) -> Deployed:
        self._do("repair" if wanted.repair else "deploy", report)
        return Deployed(Access(self.plan, {}), ("orthanc",), 0)

    def restart(self, service: str, report: Report, health_seconds: float) -> None:
        assert health_seconds > 0
        self._do(f"restart {service}", report)

    def _do(self, what: str, report: Report) -> None:
        self.did.append(what)
        if what in self.failing:
            raise self.failing[what]
        report.done(what, "done")


@pytest.fixture
def runtime(tmp_path: Path) -> Recording:
    loaded = load_text(MINIMAL, tmp_path)
    return Recording(build_plan(loaded.require(), NEWEST), State(tmp_path / "state"))


def run(
    runtime: Recording, tmp_path: Path, *wanted: tuple[str, Fix | None], refuse: str = ""
) -> tuple[list[tuple[str, bool]], list[Fixed]]:
    case = Case(load_text(MINIMAL, tmp_path), cast("Runtime", runtime), named="dev")
    found = [
        Diagnosis(cause, cause, "orthanc", (Evidence("seen", "here"),), (Remedy("do"),), one) for cause, one in wanted
    ]
    told: list[str] = []
    rows = fix(case, found, lambda one: one.cause != refuse, told.append)
    assert told or not rows or refuse
    return [(row.cause, row.done) for row in rows], list(rows)


def test_each_remedy_is_done_once_in_order(runtime: Recording, tmp_path: Path) -> None:
    deploy, restart = Fix("deploy"), Fix("restart", "orthanc")
    rows, fixed = run(runtime, tmp_path, ("a", restart), ("b", deploy), ("c", None), ("d", deploy), ("e", restart))
    assert runtime.did == ["restart orthanc", "deploy"]
    assert rows == [("a", True), ("b", True), ("d", True), ("e", True)]
    assert fixed[2].detail.startswith("with b: ")


def test_what_a_repair_does_as_well_is_not_done_again(runtime: Recording, tmp_path: Path) -> None:
    run(runtime, tmp_path, ("a", Fix("repair")), ("b", Fix("deploy")), ("c", Fix("restart", "backend")))
    assert runtime.did == ["repair"]


def test_what_failed_is_told_and_the_next_is_tried(runtime: Recording, tmp_path: Path) -> None:
    runtime.failing = {
        "repair": LockedError("another run holds this environment", hint="wait"),
        "restart backend": DeployError("x"),
    }
    rows, fixed = run(runtime, tmp_path, ("a", Fix("repair")), ("b", Fix("restart", "backend")), ("c", Fix("deploy")))
    assert rows == [("a", False), ("b", False), ("c", True)]
    assert runtime.did == ["repair", "restart backend", "deploy"]
    assert fixed[0].detail == "another run holds this environment; wait; what was there before is there still"
    assert fixed[0].as_dict()["fix"] == {"name": "repair", "service": None}


def test_what_is_not_confirmed_is_not_done(runtime: Recording, tmp_path: Path) -> None:
    rows, _ = run(runtime, tmp_path, ("a", Fix("deploy")), ("b", Fix("restart", "orthanc")), refuse="a")
    assert rows == [("a", False), ("b", True)]
    assert runtime.did == ["restart orthanc"]


def test_without_an_engine_of_rules_or_a_backend_the_fix_says_why(runtime: Recording, tmp_path: Path) -> None:
    rows, fixed = run(
        runtime, tmp_path, ("a", Fix("load_firewall")), ("b", Fix("reconcile")), ("c", Fix("renew_certificates"))
    )
    assert [done for _, done in rows] == [False, False, False]
    assert "lists no firewall" in fixed[0].detail
    assert "does not take the wish" in fixed[1].detail
    assert "has no authority yet" in fixed[2].detail
