"""A deploy touches what changed and nothing else; what dies comes back; data stays."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pymongo
import pymongo.errors
import pytest
from pydicom.data import get_testdata_file

from orthancgen.secrets.store import SecretStore
from tests.support.native import SECRETS, SERVICES, Native, wait_for_lock
from tests.support.servers import cannot_run, free_port, port_answers, wait_until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def deployed(native_apps: Path) -> Iterator[Native]:
    """An environment that is deployed; a test may change it, the next one begins with the file as it was."""
    native = Native(native_apps.parent / "deploy", apps=native_apps)
    try:
        native.deploy()
        yield native
    finally:
        native.end()


@pytest.fixture
def native(deployed: Native) -> Native:
    """The deployed environment, as its file says."""
    deployed.write()
    deployed.started()
    return deployed


def store_one(native: Native) -> str:
    """Store an image; returns Orthanc's id of it."""
    image = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    with native.orthanc() as client:
        return str(client.post("/instances", content=image).raise_for_status().json()["ID"])


def has_record(native: Native) -> bool:
    """Whether the backend has recorded the instance."""
    with native.database() as client:
        return client["orthancgen"]["instances"].count_documents({}) == 1


def test_a_second_deploy_touches_nothing(native: Native) -> None:
    before, files = native.pids(), {path: path.stat().st_mtime_ns for path in (native.state / "config").rglob("*")}
    assert native.started() == set()
    assert native.pids() == before
    assert {path: path.stat().st_mtime_ns for path in (native.state / "config").rglob("*")} == files


@pytest.mark.parametrize(
    ("changes", "restarted"),
    [
        ({"orthanc.name": "Another name"}, {"orthanc"}),
        ({"backend.delivery": {"poll_seconds": 2}}, {"backend"}),
    ],
)
def test_a_change_restarts_what_it_touches(native: Native, changes: dict[str, object], restarted: set[str]) -> None:
    before = native.pids()
    native.write(changes)
    assert native.started() == restarted
    after = native.pids()
    assert {name for name in SERVICES if before[name] != after[name]} == restarted


def test_another_database_port_restarts_database_and_backend(native: Native) -> None:
    before, old = native.pids(), native.ports["database"]
    native.ports["database"] = free_port()
    native.write()
    assert native.started() == {"database", "backend"}
    assert native.pids()["orthanc"] == before["orthanc"]
    assert not port_answers("127.0.0.1", old)


def test_without_a_backend_there_is_none_and_its_records_wait(native: Native) -> None:
    store_one(native)
    wait_until(lambda: has_record(native), what="the record")
    before = native.pids()
    native.write({"backend.enabled": False, "webhook.enabled": False})
    assert native.started() == {"orthanc"}  # which no longer knows the backend's account
    assert set(native.pids()) == {"orthanc"}
    assert not any(port_answers("127.0.0.1", native.ports[name]) for name in ("backend", "database"))
    assert not any(psutil.pid_exists(before[name]) for name in ("backend", "database"))
    assert not (native.state / "config/backend/backend.json").exists()
    native.write()
    assert native.started() == set(SERVICES)
    assert has_record(native)


USERS = {
    "orthanc_password": {"orthanc"},
    "webhook_token": {"orthanc", "backend"},
    "database_password": {"database", "backend"},
    "backend_orthanc_password": {"orthanc", "backend"},
    "operator_token": {"backend"},
}


def refused(native: Native, name: str, old: str) -> bool:
    """Whether the value that was in use opens nothing any more."""
    if name == "database_password":
        with native.database(old) as client, pytest.raises(pymongo.errors.OperationFailure):
            client["orthancgen"].command("ping")
        return True
    if name == "orthanc_password":
        return httpx.get(f"{native.url}/system", auth=("orthanc", old), trust_env=False).status_code == 401
    if name == "backend_orthanc_password":
        return httpx.get(f"{native.url}/system", auth=("orthancgen-backend", old), trust_env=False).status_code == 401
    with native.backend(old) as client:
        if name == "operator_token":
            return client.get("/api/orthanc/status").status_code == 401
        return client.post("/api/orthanc/webhook", json={"event": "stored", "id": "x"}).status_code == 401


@pytest.mark.parametrize(
    "names",
    [["database_password"], ["operator_token"], ["orthanc_password"], ["webhook_token", "backend_orthanc_password"]],
    ids=" and ".join,
)
def test_a_rotated_secret_restarts_its_users_and_the_old_one_opens_nothing(native: Native, names: list[str]) -> None:
    before, old = native.pids(), {name: native.secret(name) for name in names}
    for name in names:
        said = native.run("secrets", "rotate", options=[name])
        assert said.code == 0, said.all
        assert native.secret(name) == old[name], "in use until a deploy has proven the new one"
    assert native.pids() == before
    users = set.union(*(USERS[name] for name in names))
    assert native.started() == users
    after = native.pids()
    assert {service for service in SERVICES if before[service] != after[service]} == users
    for name in names:
        assert native.secret(name) != old[name]
        assert refused(native, name, old[name])
    assert native.started() == set()


def test_down_ends_every_process_and_a_deploy_finds_images_and_records_again(native: Native) -> None:
    instance = store_one(native)
    wait_until(lambda: has_record(native), what="the record")
    said = native.run("down")
    assert (said.code, said.out) == (0, "stopped\n")
    assert native.processes() == []
    assert native.run("status").code == 1
    assert native.run("down").out == "was not running\n"
    assert native.started() == set(SERVICES)
    with native.orthanc() as client:
        assert client.get("/instances").json() == [instance]
    assert has_record(native)


def test_a_killed_service_comes_back_by_itself(native: Native) -> None:
    before = native.pids()
    os.kill(before["orthanc"], signal.SIGKILL)
    wait_until(lambda: "orthanc" not in native.unhealthy(), what="Orthanc's return")
    after = native.pids()
    assert after["orthanc"] != before["orthanc"]
    assert {name: after[name] for name in ("database", "backend")} == {
        name: before[name] for name in ("database", "backend")
    }


def test_a_killed_supervisor_leaves_orphans_that_the_next_deploy_ends(native: Native) -> None:
    os.kill(native.pids()["backend"], signal.SIGKILL)  # the one that comes back is in no record
    wait_until(lambda: "backend" not in native.unhealthy(), what="the backend's return")
    before = native.pids()
    os.kill(native.supervisor_pid(), signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(native.supervisor_pid()), what="the supervisor's end")
    assert all(psutil.pid_exists(pid) for pid in before.values())
    assert {row["detail"] for row in native.status().values()} == {"runs without its supervisor"}
    assert native.started() == set(SERVICES)
    assert not any(psutil.pid_exists(pid) for pid in before.values())
    assert len(native.processes()) == 1 + len(SERVICES)


def test_down_ends_orphans_too(native: Native) -> None:
    os.kill(native.supervisor_pid(), signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(native.supervisor_pid()), what="the supervisor's end")
    assert native.run("down").out == "stopped\n"
    assert native.processes() == []


def test_of_two_deploys_at_once_one_is_refused(native: Native) -> None:
    native.write({"orthanc.name": "Busy"})
    first = native.start_deploy()
    try:
        wait_for_lock(native, first)
        first.send_signal(signal.SIGSTOP)  # it holds the environment for as long as the others ask for it
        second = native.deploy(code=4)
        assert f"another run holds this environment: process {first.pid}" in second.err
        assert "hint: wait for it to end" in second.err
        assert native.run("down").code == 4
    finally:
        first.send_signal(signal.SIGCONT)
        _, err = first.communicate(timeout=240)
    assert first.returncode == 0, err


def interrupted(native: Native, number: signal.Signals, when: Callable[[], bool]) -> tuple[int, str]:
    """Send a signal to a deploy as soon as a condition holds; its exit code and output."""
    process = native.start_deploy()
    deadline = time.monotonic() + 120
    while not when():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=240)
    assert "Traceback" not in err
    return process.returncode, out + err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_deploy_is_taken_back(native: Native, number: signal.Signals, code: int) -> None:
    before = native.pids()
    SecretStore(native.state / "secrets").rotate("database_password")
    native.write({"orthanc.name": "Never"})
    old = native.secret("database_password")
    ended, said = interrupted(native, number, lambda: not psutil.pid_exists(before["database"]))
    assert ended == code, said
    assert "what was there before is there again" in said
    assert native.secret("database_password") == old
    assert "Never" not in (native.state / "config/orthanc/orthanc.json").read_text()
    assert not (native.state / "withheld/last-good").exists()
    native.write()
    wait_until(lambda: native.unhealthy() == {}, what="health")
    (native.state / "withheld/secrets.next/database_password").unlink()
    assert native.started() == set()


def test_what_a_killed_deploy_left_is_no_obstacle(native: Native) -> None:
    before = native.pids()
    SecretStore(native.state / "secrets").rotate("database_password")
    native.write({"orthanc.name": "Killed"})
    process = native.start_deploy()
    while psutil.pid_exists(before["database"]):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert (native.state / "withheld/last-good/secrets/database_password").is_file()
    native.deploy()
    native.pids()
    assert not (native.state / "withheld/last-good").exists()
    with native.orthanc() as client:
        assert client.get("/system").json()["Name"] == "Killed"


def test_orthanc_runs_as_its_own_user_and_answers_without_nagle(native: Native) -> None:
    process = psutil.Process(native.pids()["orthanc"])
    assert process.environ()["TCP_NODELAY"] == "1"
    assert process.username() == ("orthanc" if os.geteuid() == 0 else psutil.Process().username())


def test_no_secret_is_anywhere_but_where_it_is_kept(native: Native, tmp_path: Path) -> None:
    token = "from-the-caller-0123456789abcdef"
    native.write({"secrets": {"operator_token": {"env": "TEST_OPERATOR_TOKEN"}}})
    said = native.deploy(environ={"TEST_OPERATOR_TOKEN": token})
    assert native.secret("operator_token") == token
    store_one(native)
    values = {name: native.secret(name) for name in SECRETS}
    places = {"output": said.all, "status": native.run("status").all, "logs": native.run("logs").all}
    places["list"] = native.run("secrets", "list").all
    for process in native.processes():
        places[f"command {process.pid}"] = " ".join(process.cmdline())
        places[f"environ {process.pid}"] = repr(process.environ())
    kept = {native.state / "secrets", native.state / "config/orthanc/orthanc.secret.json"}
    for path in native.state.rglob("*"):
        if path.is_file() and not kept & {path, path.parent} and native.state / "data" not in path.parents:
            places[str(path)] = path.read_bytes().decode("utf-8", errors="replace")
    assert len(places) > 15
    assert [(place, name) for place, text in places.items() for name, value in values.items() if value in text] == []
    SecretStore(native.state / "secrets").rotate("operator_token")


def test_modes_let_nobody_else_in(native: Native) -> None:
    def mode(path: str) -> int:
        return stat.S_IMODE((native.state / path).stat().st_mode)

    folders = {path: mode(path) for path in (".", "config", "secrets", "data", "log", "run", "data/database")}
    assert all(one & 0o007 == 0 for one in folders.values()), folders
    assert all(one & 0o060 == 0 for one in folders.values()), folders
    assert mode("config/orthanc/orthanc.secret.json") == 0o600
    assert {mode(f"secrets/{name}") for name in SECRETS} == {0o600}
    assert mode("run/supervisor.sock") == 0o600
    assert mode("run/deployed.json") == 0o600


def test_orthanc_s_user_reads_its_own_secret_file_and_no_other(native: Native) -> None:
    if os.geteuid() != 0:
        cannot_run("only root can run Orthanc as another user")
    orthanc = psutil.Process(native.pids()["orthanc"]).uids().real
    assert (native.state / "config/orthanc/orthanc.secret.json").stat().st_uid == orthanc
    assert {(native.state / "secrets" / name).stat().st_uid for name in SECRETS} == {0}


@pytest.mark.parametrize("name", ["with space", "ünïcode"])
def test_unusual_state_folders_work(native_apps: Path, name: str) -> None:
    native = Native(native_apps.parent / name, apps=native_apps)
    try:
        native.write({"backend.enabled": False, "webhook.enabled": False})
        native.deploy()
        assert native.pids()
        assert native.started() == set()
    finally:
        native.end()


@pytest.mark.parametrize(
    ("name", "said"), [("x" * 90, "too long"), ("a'b", "quotes"), ("a%b", "quotes"), ("a;b", "quotes")]
)
def test_state_folders_that_cannot_work_are_refused(native_apps: Path, name: str, said: str) -> None:
    native = Native(native_apps.parent / name)
    refusal = native.deploy(code=4)
    assert said in refusal.err
    assert "--state" in refusal.err
    assert not native.state.exists()
