"""`verify` passes on a real site; each way of breaking that site fails the check that is about it, and no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from orthancgen.dicom import synthetic
from orthancgen.dicom.peer import Peer
from orthancgen.dicom.scu import echo
from orthancgen.orthanc.detect import installed_version
from orthancgen.plan.build import plan as build_plan
from orthancgen.resources import locate
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.native.deploy import deploy
from orthancgen.runtimes.native.programs import find_programs
from orthancgen.runtimes.report import Silent
from orthancgen.runtimes.state import state_of
from orthancgen.secrets.value import SecretValue
from orthancgen.site.load import load
from orthancgen.verify.check import Check
from orthancgen.verify.checks import (
    CHECKS,
    backend_ready,
    backend_status,
    database_password,
    record_made,
    webhook_called,
)
from orthancgen.verify.context import Context
from orthancgen.verify.result import CheckResult, Outcome, Verdict, verdict
from orthancgen.verify.run import run
from tests.support.proxies import tcp_proxy
from tests.support.running_site import Configuration, Running
from tests.support.servers import free_port, port_answers, wait_until

pytestmark = pytest.mark.live

ABSENT = {
    "caller-address-kept",  # no container engine in between
    "dicom-echo-refused",  # both modalities may echo and store
    "dicom-store-refused",
    *("dicom-tls-accepted", "plain-dicom-refused", "dicom-certificate-required"),  # no TLS: see test_verify_tls.py
    *("dicom-foreign-certificate-refused", "dicom-expired-certificate-refused"),
    *("dicom-old-tls-refused", "dicom-weak-ciphers-refused"),
    *("https-certificate", "plain-http-refused", "https-old-tls-refused", "https-weak-ciphers-refused"),
    *("viewer-shows", "viewer-closed"),
    *("analysis-made", "analysis-removed", "analysis-needs-token"),
}
PRESENT = len(CHECKS) - len(ABSENT)
MOMENT = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  DICOM's DA and TM carry no zone


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, state_root: Path) -> Iterator[Running]:
    """The staging example on free ports: two modalities with own addresses, and users of three roles."""
    folder = tmp_path_factory.mktemp("v")
    path = folder / "proven.yaml"
    path.write_text(
        f"""
extends: {locate("environments") / "staging.yaml"}
environment: proven
dicom: {{port: {free_port()}}}
http: {{port: {free_port()}}}
backend: {{port: {free_port()}, database: {{port: {free_port()}}}}}
viewer: {{enabled: false}}
users:
  doctor: {{role: radiologist, password: {{secret: doctor_password}}}}
  technician: {{role: technologist, password: {{secret: technician_password}}}}
  student: {{role: viewer, password: {{secret: student_password}}}}
""",
        encoding="utf-8",
    )
    loaded = load(path, installed_version)
    plan = build_plan(loaded.require(), loaded.version)
    state = state_of(plan.site.environment, state_root)
    try:
        deployed = deploy(plan, state, Silent())
        yield Running(path, plan, state, deployed.access)
    finally:
        down = [sys.executable, "-m", "orthancgen", "down", str(path), "--state", str(state_root)]
        subprocess.run(down, check=True, capture_output=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never comes is waited for as long as a test can bear."""
    # A record comes or goes without a poke too, by the poll of every 5 s.
    for module, seconds in ((record_made, 8.0), (webhook_called, 2.0)):
        monkeypatch.setattr(module, "PATIENCE_SECONDS", seconds)
    for module in (backend_ready, backend_status):
        wait_for = module.wait_for
        monkeypatch.setattr(module, "wait_for", lambda condition, wait_for=wait_for: wait_for(condition, 2.0))


@pytest.fixture
def unpoked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poke that never comes is not waited for long; for all else there is as much time as ever."""
    monkeypatch.setattr(webhook_called, "PATIENCE_SECONDS", 2.0)


def failures(results: tuple[CheckResult, ...]) -> set[str]:
    return {result.id for result in results if not result.passed}


def of(results: tuple[CheckResult, ...], identifier: str) -> CheckResult:
    return next(result for result in results if result.id == identifier)


def assert_no_secret(running: Running, text: str) -> None:
    assert [name for name, value in running.access.secrets.items() if value.reveal() in text] == []


def test_a_site_as_it_was_asked_for_passes_and_keeps_nothing(site: Running) -> None:
    first, second = run(site.plan, site.access), run(site.plan, site.access)
    for results in (first, second):
        assert failures(results) == set()
        assert [result.id for result in results] == [check.id for check in CHECKS]
        absent = {result.id for result in results if result.outcome is Outcome.SKIPPED}
        assert absent == ABSENT
    assert site.test_patients() == 0
    assert_no_secret(site, json.dumps([result.as_dict() for result in first]))


def test_the_command_line(site: Running, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orthancgen", "verify", str(site.path), "--state", str(site.state.root.parent)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"{PRESENT} of {PRESENT} passed, {len(ABSENT)} not applicable" in shown.stdout
    assert "\x1b" not in shown.stdout
    document = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert (document["environment"], document["passed"], document["failed"]) == ("proven", PRESENT, 0)
    file = tmp_path / "verify.xml"
    assert (
        subprocess.run([*command, "--format", "junit", "-o", str(file)], check=True, capture_output=True).stdout == b""
    )
    root = ET.parse(file).getroot()
    assert (root.get("tests"), root.get("failures")) == (str(len(CHECKS)), "0")
    refused = subprocess.run(
        [*command, "-o", str(tmp_path / "no" / "file")], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "cannot write" in refused.stderr
    with site.stopped("backend"):
        broken = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert (broken.returncode, broken.stderr) == (1, "")
    assert json.loads(broken.stdout)["failed"] > 0


def test_the_backend_is_told_of_it(site: Running) -> None:
    command = [sys.executable, "-m", "orthancgen", "verify", str(site.path), "--state", str(site.state.root.parent)]
    with httpx.Client(base_url=site.access.backend_url, headers=site.access.backend_headers, trust_env=False) as client:
        subprocess.run(command, check=True, capture_output=True)
        stranger = Peer("127.0.0.1", site.plan.site.dicom.port, site.plan.site.orthanc.aet, "STRANGE1")
        time.sleep(0.4)  # a call so soon after the proofs is taken for one of theirs
        assert echo(stranger).rejection
        for refused in (["STRANGE1"], []):
            subprocess.run(command, check=True, capture_output=True)
            told = client.get("/api/status/verification").raise_for_status().json()["verification"]
            assert told["environment"] == "proven"
            assert [one["id"] for one in told["checks"]] == [check.id for check in CHECKS]
            assert {one["outcome"] for one in told["checks"]} == {"passed", "skipped"}
            # Those of the proofs themselves are none, and each is counted once.
            assert [one["aet"] for one in told["refused_associations"]["latest"]] == refused
            assert told["refused_associations"]["count"] == len(refused)
            assert_no_secret(site, json.dumps(told))


def _all_may_find(configuration: Configuration) -> None:
    configuration["DicomAlwaysAllowFind"] = True


def _called_aet_unchecked(configuration: Configuration) -> None:
    configuration["DicomCheckCalledAet"] = False


def _address_unchecked(configuration: Configuration) -> None:
    configuration["DicomCheckModalityHost"] = False


def _ct_may_get(configuration: Configuration) -> None:
    configuration["DicomModalities"]["ct1"]["AllowGet"] = True


def _ct_may_not_store(configuration: Configuration) -> None:
    configuration["DicomModalities"]["ct1"]["AllowStore"] = False


def _open_http(configuration: Configuration) -> None:
    configuration["AuthenticationEnabled"] = False


def _scripts_by_http(configuration: Configuration) -> None:
    configuration["ExecuteLuaEnabled"] = True


def _no_lua(configuration: Configuration) -> None:
    configuration["LuaScripts"] = []


def _radiologist_deletes(configuration: Configuration) -> None:
    configuration["OrthancGen"]["Permissions"]["radiologist"].append(["DELETE", "/"])


def _service_stores(configuration: Configuration) -> None:
    configuration["OrthancGen"]["Permissions"]["service"].append(["*", "/instances"])


def _pokes_nowhere(configuration: Configuration) -> None:
    configuration["OrthancGen"]["Webhook"]["Url"] += "/elsewhere"


Change = Callable[[Configuration], None]

# Those that stand together concern different checks: each restart of Orthanc costs the backend some seconds.
BREAKS: tuple[dict[Change, set[str]], ...] = (
    {_all_may_find: {"unknown-caller-refused", "wrong-address-refused", "dicom-find-refused"}},
    {
        _called_aet_unchecked: {"wrong-called-aet-refused"},
        _ct_may_get: {"dicom-get-refused"},
        _scripts_by_http: {"execute-script-refused"},
        _radiologist_deletes: {"role-limits"},
        _pokes_nowhere: {"webhook-called"},
    },
    {
        _address_unchecked: {"wrong-address-refused"},
        _ct_may_not_store: {"dicom-store"},
        _service_stores: {"service-account-limits"},
    },
    {_open_http: {"http-without-password-refused", "http-default-password-refused"}},
    {_no_lua: {"role-limits", "service-account-limits", "webhook-called"}},
)


@pytest.mark.parametrize("breaks", BREAKS, ids=lambda breaks: "+".join(change.__name__ for change in breaks))
def test_orthanc_otherwise_than_asked_for(
    site: Running, breaks: dict[Change, set[str]], request: pytest.FixtureRequest
) -> None:
    expected: set[str] = set().union(*breaks.values())
    if "webhook-called" in expected:
        request.getfixturevalue("unpoked")

    def change(configuration: Configuration) -> None:
        for each in breaks:
            each(configuration)

    with site.changed("orthanc.json", change):
        results = run(site.plan, site.access)
        assert failures(results) == expected
        assert site.test_patients() == 0
    assert all(result.hint for result in results if not result.passed)
    assert_no_secret(site, json.dumps([result.as_dict() for result in results]))


def test_a_proxy_hides_who_calls(site: Running) -> None:
    """The environment says that callers arrive directly; a TCP proxy in front of Orthanc is found out."""
    wanted = site.plan.site
    with (
        site.changed("orthanc.json", _address_unchecked),
        tcp_proxy(wanted.dicom.port, source="127.0.0.9") as proxy,
    ):
        dicom = wanted.dicom.model_copy(update={"port": proxy.port})
        plan = replace(site.plan, site=wanted.model_copy(update={"dicom": dicom}))
        results = run(plan, Access(plan, site.access.secrets))
    # The port that Orthanc tells is another one than that which is called.
    assert failures(results) == {"caller-address-recorded", "wrong-address-refused", "orthanc-system"}
    assert of(results, "caller-address-recorded").seen == "seen from 127.0.0.9"


@pytest.mark.usefixtures("unpoked")
def test_orthanc_pokes_with_a_wrong_token(site: Running) -> None:
    def other_token(configuration: Configuration) -> None:
        configuration["OrthancGenSecrets"]["WebhookToken"] = "another-token-than-the-backend-has"

    with site.changed("orthanc.secret.json", other_token):
        assert failures(run(site.plan, site.access)) == {"webhook-called"}


def test_a_default_password_is_found(site: Running) -> None:
    def known_password(configuration: Configuration) -> None:
        configuration["RegisteredUsers"]["student"] = "student"

    with site.changed("orthanc.secret.json", known_password):
        results = run(site.plan, site.access)
    # 401 instead of 403, because the account's real password no longer opens it: not the right reason either.
    assert failures(results) == {"http-default-password-refused", "orthanc-accounts", "role-limits"}
    assert "student with a password that everybody knows: HTTP 200" in of(results, "http-default-password-refused").seen


def test_the_backend_has_another_webhook_token_than_asked_for(site: Running) -> None:
    token = site.plan.site.webhook.token.secret
    access = Access(site.plan, {**site.access.secrets, token: SecretValue("another-token-than-the-backend-has")})
    results = run(site.plan, access)
    assert failures(results) == {"webhook-accepted", "webhook-credential-limits"}
    assert "401" in of(results, "webhook-accepted").seen
    assert "another-token" not in json.dumps([result.as_dict() for result in results])


def test_the_backend_is_stopped(site: Running) -> None:
    with site.stopped("backend"):
        results = run(site.plan, site.access)
        assert site.test_patients() == 0
    assert failures(results) == {
        "backend-ready", "webhook-accepted", "record-made", "webhook-called", "record-removed", "backend-status",
        "webhook-needs-credential", "backend-needs-credential", "webhook-credential-limits",
    }  # fmt: skip
    assert f":{site.plan.site.backend.port}/readyz (ConnectError)" in of(results, "backend-ready").seen


@pytest.mark.usefixtures("impatient")
def test_orthanc_is_stopped(site: Running) -> None:
    with site.stopped("orthanc"):
        results = run(site.plan, site.access)
    passed = {result.id for result in results if result.outcome is Outcome.PASSED}
    assert passed <= {
        "backend-ready", "webhook-accepted", "webhook-needs-credential", "backend-needs-credential",
        "webhook-credential-limits", "database-needs-password", "backend-status", "closed-from-outside",
    }  # fmt: skip
    assert {"dicom-port", "orthanc-system", "unknown-caller-refused", "dicom-find-refused"} <= failures(results)


def test_the_database_asks_for_no_password(site: Running, tmp_path: Path) -> None:
    program = find_programs(site.plan).secantusd
    assert program is not None
    port = site.plan.site.backend.database.port
    command = [
        str(program),
        "--standalone",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--storage-path",
        str(tmp_path),
    ]
    with site.stopped("database"):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: port_answers("127.0.0.1", port), what="the database")
            (result,) = run(site.plan, site.access, checks=[database_password.CHECK])
        finally:
            process.terminate()
            process.wait(30)
    assert result.outcome is Outcome.FAILED
    assert "without a login: it answers" in result.seen


@pytest.mark.usefixtures("impatient")
def test_a_deletion_that_is_not_followed(site: Running) -> None:
    """The backend loses its access to Orthanc after the record was made."""
    backend = site.pid("backend")

    def lock_out(context: Context) -> Verdict:
        del context
        path = site.state.config / "orthanc" / "orthanc.secret.json"
        configuration = json.loads(path.read_text(encoding="utf-8"))
        configuration["RegisteredUsers"]["orthancgen-backend"] = "another password"
        path.write_text(json.dumps(configuration), encoding="utf-8")
        site.restart("orthanc")
        site.wait_orthanc()
        return verdict(True, "", "")

    recorded = CHECKS.index(record_made.CHECK) + 1
    checks = (*CHECKS[:recorded], Check("lock-out", "Lock out", "positive", lock_out), *CHECKS[recorded:])
    with site.changed("orthanc.secret.json", lambda _: None):
        results = run(site.plan, site.access, checks=checks)
    assert site.pid("backend") == backend
    assert of(results, "record-made").passed
    assert of(results, "image-removed").passed
    assert of(results, "record-removed").seen == "it is still there"
    assert "record-removed" in failures(results)


def test_what_a_broken_run_left_behind_is_cleared(site: Running) -> None:
    """A run that is killed in the middle leaves its patient; the next one removes it, and nobody else."""
    leftover = synthetic.ct_instance("left-behind", MOMENT)
    namesake = synthetic.ct_instance("namesake", MOMENT).data.replace(
        b"ORTHANCGEN^VERIFICATION", b"ORTHANCGEN^SOMEBODYELSE"
    )
    with site.orthanc() as client:
        for data in (leftover.data, namesake):
            client.post("/instances", content=data).raise_for_status()
        assert site.test_patients() == 2
        assert failures(run(site.plan, site.access)) == set()
        left = client.get("/patients", params={"expand": ""}).raise_for_status().json()
        assert [patient["MainDicomTags"]["PatientName"] for patient in left] == ["ORTHANCGEN^SOMEBODYELSE"]
        client.delete(f"/patients/{left[0]['ID']}").raise_for_status()


def test_a_run_that_is_interrupted_removes_its_patient(site: Running) -> None:
    def interrupt(context: Context) -> Verdict:
        assert context.sample.orthanc_id is not None
        assert site.test_patients() == 1
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not reached")

    found = next(index for index, check in enumerate(CHECKS) if check.id == "image-found") + 1
    with pytest.raises(KeyboardInterrupt):
        run(site.plan, site.access, checks=(*CHECKS[:found], Check("interrupt", "Interrupt", "positive", interrupt)))
    assert site.test_patients() == 0


def test_modalities_at_addresses_of_other_hosts(site: Running) -> None:
    """What needs their addresses does not apply; the image comes by HTTP, and strangers are refused all the same."""
    addresses = {"ct1": "198.51.100.1", "workstation1": "198.51.100.2"}
    modalities = {
        name: modality.model_copy(update={"address": addresses[name]})
        for name, modality in site.plan.site.modalities.items()
    }
    plan = replace(site.plan, site=site.plan.site.model_copy(update={"modalities": modalities}))

    def move_away(configuration: Configuration) -> None:
        for name, address in addresses.items():
            configuration["DicomModalities"][name]["Host"] = address

    with site.changed("orthanc.json", move_away):
        results = run(plan, Access(plan, site.access.secrets))
    assert failures(results) == set()
    passed = {result.id for result in results if result.outcome is Outcome.PASSED}
    assert {"image-found", "record-made", "record-removed", "unknown-caller-refused", "wrong-address-refused"} <= passed
    assert {"dicom-echo", "dicom-store", "sender-recorded", "dicom-find-refused"}.isdisjoint(passed)
    assert "HTTP upload" in of(results, "image-found").expected
