"""Analysis as it is deployed: what arrives is measured by itself, by a model of the site too; and what goes wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orthancgen.dicom.synthetic import PATIENT_NAME, ct_series
from orthancgen.runtimes.native.running import look
from orthancgen.runtimes.state import State
from tests.support.doctor import assert_healthy, assert_named
from tests.support.models import make_model
from tests.support.native import Native
from tests.support.servers import free_port, wait_until

pytestmark = pytest.mark.live

SECONDS = 180


@pytest.fixture(scope="module")
def site(native_apps: Path) -> Iterator[Native]:
    """An environment with analysis, and a model of its own."""
    native = Native(native_apps.parent / "analysis", name="a", apps=native_apps)
    native.ports["analysis"] = free_port()
    make_model(native.root / "model", 8)
    native.write({"analysis": wanted(native)})
    try:
        native.started()
        yield native
    finally:
        native.end()


def wanted(native: Native, **changes: object) -> dict[str, object]:
    return {
        "enabled": True, "port": native.ports["analysis"], "on_arrival": ["image_quality", "brightness"],
        "quiet_seconds": 1, "store_sr": True, "models": {"brightness": str(native.root / "model/card.yaml")}, **changes,
    }  # fmt: skip


def arrive(native: Native, name: str) -> str:
    """A CT comes by C-STORE; its StudyInstanceUID."""
    folder = native.root / name
    folder.mkdir()
    made = list(ct_series(name, datetime.now().astimezone(), 2, rows=32, columns=32))
    for one in made:  # the proofs take their own test patient away
        patient = PATIENT_NAME.encode()
        (folder / f"{one.index}.dcm").write_bytes(one.data.replace(patient, b"KEPT".ljust(len(patient))))
    assert native.run("send", options=[str(folder)]).code == 0
    return made[0].study_instance_uid


def analyses(native: Native, study: str) -> dict[str, Any]:
    with native.backend() as client:
        answer = client.get(f"/api/studies/{study}/analyses")
        return answer.json() if answer.status_code == 200 else {"jobs": [], "items": []}


def results(native: Native, study: str) -> dict[str, dict[str, Any]]:
    """The results of a study by provider, of jobs that are done."""
    found = analyses(native, study)
    done = {one["result"] for one in found["jobs"] if one["state"] == "done"}
    return {one["provider"]["id"]: one for one in found["items"] if one["id"] in done}


def test_it_is_proven(site: Native) -> None:
    said = site.run("verify")
    assert said.code == 0, said.all
    for proof in ("is analysed, by each provider", "goes with it", "refuses a missing or wrong token"):
        assert f"{proof}" in said.out
    assert site.status()["analysis"]["healthy"]
    assert site.started() == set()
    said = site.run("plan")
    assert said.code == 0, said.all


def test_what_arrives_is_analysed_by_itself_and_comes_back_as_structured_reports(site: Native) -> None:
    study = arrive(site, "arrives")
    wait_until(lambda: len(results(site, study)) == 2, what="results of both providers", seconds=SECONDS)
    found = results(site, study)
    assert found["image_quality"]["statement"] == "Measurement, not a diagnosis"
    assert (found["brightness"]["statement"], found["brightness"]["provider"]["version"]) == (
        "A test, not a diagnosis", "1.2.3",
    )  # fmt: skip
    with site.orthanc() as orthanc:
        for one in found.values():
            uid = one["sr_sop_instance_uid"]
            (place,) = orthanc.post("/tools/lookup", content=uid).json()
            above = orthanc.get(f"/instances/{place['ID']}/study").json()
            assert above["MainDicomTags"]["StudyInstanceUID"] == study
    log, fetched = site.state / "log/analysis.log", site.state / "data/analysis"
    wait_until(lambda: "image_quality: done" in log.read_text(), what="the line of the log")
    assert study not in log.read_text()
    wait_until(lambda: list(fetched.iterdir()) == [], what="nothing is left of what was fetched")


def test_its_account_reads_images_and_nothing_else(site: Native) -> None:
    with site.orthanc() as orthanc:
        orthanc.auth = ("orthancgen-analysis", site.secret("analysis_orthanc_password"))
        assert orthanc.get("/dicom-web/studies/1.2.3/metadata").status_code != 403
        for method, path in (
            ("GET", "/instances"),
            ("GET", "/system"),
            ("POST", "/instances"),
            ("DELETE", "/studies/x"),
        ):
            assert orthanc.request(method, path).status_code == 403, path


def test_a_job_of_a_service_that_is_killed_is_done_once_it_is_back(site: Native) -> None:
    study = arrive(site, "killed")
    wait_until(lambda: len(results(site, study)) == 2, what="results of both providers", seconds=SECONDS)
    pid = site.pids()["analysis"]
    left = site.state / "data/analysis/analysis-left"
    os.kill(pid, signal.SIGSTOP)  # it takes the call, and does not answer
    left.mkdir()
    with site.backend() as client:
        asked = client.post(f"/api/studies/{study}/analyses", json={"provider": "image_quality"})
        assert asked.status_code == 202

    def job() -> dict[str, Any]:
        return next(one for one in analyses(site, study)["jobs"] if one["id"] == asked.json()["id"])

    wait_until(lambda: job()["state"] == "running", what="the job at work", seconds=SECONDS)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: job()["state"] == "done", what="the job done", seconds=SECONDS)
    assert site.pids()["analysis"] != pid
    assert job()["attempts"] > 1
    assert not left.exists()  # what a killed process had fetched


def test_another_model_restarts_the_analysis_alone(site: Native) -> None:
    make_model(site.root / "model", 16)
    assert site.started() == {"analysis"}
    assert site.started() == set()


def test_a_model_that_is_not_its_cards_is_named_before_anything_is_touched(site: Native) -> None:
    before = site.pids()
    good = (site.root / "model/model.onnx").read_bytes()
    make_model(site.root / "model", 12, with_card=False)
    said = site.deploy(code=4)
    assert "analysis.models.brightness: card.yaml: model.sha256: the file is another one" in said.err
    (site.root / "model/model.onnx").write_bytes(good)
    site.write({"analysis": wanted(site, on_arrival=[], models={"another": str(site.root / "model/card.yaml")})})
    said = site.deploy(code=4)
    assert "analysis.models.another: the card's id is brightness" in said.err
    site.write({"analysis": wanted(site)})
    assert site.pids() == before
    assert site.started() == set()


def test_the_doctor_names_what_is_wrong_with_it_and_the_proofs_fail(site: Native) -> None:
    assert_healthy(site.file, site.state)
    pid = site.pids()["analysis"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert_named("analysis hangs, native", site.file, site.state, "analysis-hangs")
    finally:
        os.kill(pid, signal.SIGCONT)
    look(State(site.state)).supervisor.stop_services(["analysis"])
    found = assert_named("analysis stopped, native", site.file, site.state, "analysis-stopped")
    assert found["analysis-stopped"].remedies[0].command == f"orthancgen deploy {site.name}"
    proofs = site.run("verify")
    assert proofs.code == 1
    assert "failed  The test study is analysed, by each provider that reads it" in proofs.out
    assert "failed  The service of analysis refuses a missing or wrong token" in proofs.out
    site.started()
    wait_until(lambda: site.unhealthy() == {}, what="health")
    assert_healthy(site.file, site.state)


def test_pip_that_fails_is_told_and_nothing_is_started(native_apps: Path, site: Native) -> None:
    native = Native(native_apps.parent / "no-index", name="index")
    (native.root / "apps").mkdir()
    for built in native_apps.glob("backend-????????????????"):
        (native.root / "apps" / built.name).symlink_to(built)
    native.write({"analysis": {"enabled": True, "port": free_port()}})
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
    said = native.deploy(code=4, environ=nowhere)
    assert "pip install of the analysis failed" in said.err
    assert "does pip reach its package index from this host?" in said.err
    assert native.processes() == []
    assert [one.name for one in (native.root / "apps").glob("analysis-*")] == []
