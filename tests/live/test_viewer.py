"""The viewer as it is deployed: for whom it opens, what it shows, and what the doctor says when it does not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from orthancgen.runtimes.state import State
from tests.support.doctor import assert_healthy, assert_named
from tests.support.native import Native
from tests.support.servers import free_port, wait_until

pytestmark = pytest.mark.live

PEOPLE = {
    "users": {
        role: {"role": role, "password": {"secret": f"{role}_password"}}
        for role in ("administrator", "radiologist", "technologist", "viewer")
    }
}


@pytest.fixture(scope="module")
def site(native_apps: Path) -> Iterator[Native]:
    """An environment with a viewer and a person of each role."""
    native = Native(native_apps.parent / "viewer", name="v", apps=native_apps)
    native.ports["viewer"] = free_port()
    native.write(changes(native))
    try:
        native.started()
        yield native
    finally:
        native.end()


def changes(native: Native) -> dict[str, object]:
    return {"viewer": {"enabled": True, "port": native.ports["viewer"]}, **PEOPLE}


def client(native: Native) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{native.ports['viewer']}", trust_env=False, timeout=60)


def test_it_is_proven(site: Native) -> None:
    said = site.run("verify")
    assert said.code == 0, said.all
    assert "The viewer shows the test study and its image after a login" in said.out
    assert "The viewer shows nothing without a login" in said.out
    assert site.status()["viewer"]["healthy"]
    assert site.started() == set()  # a second deploy changes nothing, though hashes have salts


@pytest.mark.parametrize("role", PEOPLE["users"])
def test_people_log_in_with_their_password_of_orthanc(site: Native, role: str) -> None:
    with client(site) as browser:
        login = {"user": role, "password": site.secret(f"{role}_password")}
        answer = browser.post("/api/session", json=login)
        assert (answer.status_code, answer.json()["role"]) == (201, role)
        assert browser.get("/api/studies").status_code == 200
        assert browser.get("/api/audit").status_code == (200 if role == "administrator" else 403)
        assert browser.get("/viewer").status_code == 200
    with client(site) as nobody:
        assert nobody.post("/api/session", json={**login, "password": "wrong"}).status_code == 401
        assert nobody.get("/viewer").status_code == 401


def test_no_password_lies_with_the_backend(site: Native) -> None:
    text = (site.state / "config/backend/people.json").read_text()
    assert text.count("scrypt") == 5  # with the one of the shipped base
    assert not any(site.secret(f"{role}_password") in text for role in PEOPLE["users"])
    assert (site.state / "config/backend/people.json").stat().st_mode & 0o777 == 0o600


def test_a_changed_password_is_the_one_of_the_pages_too(site: Native) -> None:
    before = site.secret("viewer_password")
    assert site.run("secrets", "rotate", options=["viewer_password"]).code == 0
    assert site.started() == {"orthanc", "backend"}
    with client(site) as browser:
        assert browser.post("/api/session", json={"user": "viewer", "password": before}).status_code == 401
        login = {"user": "viewer", "password": site.secret("viewer_password")}
        assert browser.post("/api/session", json=login).status_code == 201


def test_the_doctor_names_what_is_wrong_with_it(site: Native) -> None:
    assert_healthy(site.file, site.state)
    pid = site.pids()["viewer"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert_named("viewer hangs, native", site.file, site.state, "viewer-hangs")
    finally:
        os.kill(pid, signal.SIGCONT)
    from orthancgen.runtimes.native.running import look

    look(State(site.state)).supervisor.stop_services(["viewer"])
    found = assert_named("viewer stopped, native", site.file, site.state, "viewer-stopped")
    assert found["viewer-stopped"].remedies[0].command == f"orthancgen deploy {site.name}"
    site.started()
    wait_until(lambda: site.unhealthy() == {}, what="health")
    assert_healthy(site.file, site.state)
