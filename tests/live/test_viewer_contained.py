"""The viewer in production's containers: built, deployed, proven behind the gateway, closed in, and back by itself."""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Iterator

import httpx
import pytest

from orthancgen.render.container_files import project_name
from orthancgen.runtimes.compose.container import Container
from tests.support.contained import Contained
from tests.support.doctor import assert_healthy, assert_named
from tests.support.doctor import named as causes
from tests.support.engine import TestEngine
from tests.support.images import TestImages
from tests.support.servers import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

PORT = 5173


@pytest.fixture(scope="module")
def site(
    engine: TestEngine, images: TestImages, viewer_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contained]:
    """Production with a viewer, deployed and proven by the command itself."""
    made = Contained(tmp_path_factory.mktemp("viewer"), engine, images, "pages")
    made.defaults = {
        "viewer": {"enabled": True},
        # Nothing that a doctor would find wrong on this host.
        "network": {"firewall": [], "managed_from": []},
        "certificates": {"names": ["127.0.0.1"]},
        "users": {
            role: {"role": role, "password": {"secret": f"{role}_password"}} for role in ("administrator", "viewer")
        },
    }
    made.write({"images.viewer": viewer_image})
    try:
        made.run("deploy")
        yield made
    finally:
        made.end()


def browser(site: Contained) -> httpx.Client:
    """A client that trusts what the site's own browsers are told to trust."""
    verify = site.access().http_verify
    assert isinstance(verify, ssl.SSLContext)
    return httpx.Client(base_url=f"https://127.0.0.1:{PORT}", verify=verify, trust_env=False, timeout=20)


def test_it_is_proven_behind_the_gateway(site: Contained) -> None:
    outcomes = {row["id"]: row["outcome"] for row in site.json("verify")["checks"]}
    assert (outcomes["viewer-shows"], outcomes["viewer-closed"]) == ("passed", "passed")
    assert {row["healthy"] for row in site.json("status")["services"]} == {True}
    before = site.ids()
    assert set(before) == {"database", "orthanc", "backend", "viewer", "gateway"}
    site.run("deploy")
    assert site.ids() == before  # hashes of passwords have salts, and change nothing


def test_it_reaches_nothing_but_the_backend_and_orthanc(site: Contained) -> None:
    containers = site.containers()
    viewer = containers["viewer"]
    assert set(viewer.addresses) == {"backend"}
    assert not viewer.published_ports
    host = viewer.attributes["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    assert viewer.attributes["Config"]["User"] == "10003:10003"
    assert sorted(containers["gateway"].published_ports) == [PORT, 8001, 8042]
    names = f"{project_name(site.name)}_backend"
    assert site.engine.client.api.inspect_network(names)["Internal"]


def test_a_login_is_bound_to_the_host_and_opens_pages_and_images(site: Contained) -> None:
    with browser(site) as person:
        assert person.get("/viewer").status_code == 401
        login = {"user": "viewer", "password": (site.state.secrets / "viewer_password").read_text().strip()}
        answer = person.post("/api/session", json=login)
        assert answer.status_code == 201, answer.text
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-"), cookie.split("=")[0]
        assert {"Secure", "HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
        assert person.get("/").headers["content-security-policy"].startswith("default-src 'none'")
        assert person.get("/viewer").status_code == 200
        assert person.get("/api/studies").status_code == 200
        assert person.get("/dicom-web/studies").status_code == 200
        assert person.get("/api/audit").status_code == 403
        assert person.post("/dicom-web/studies", content=b"").status_code in {403, 404, 405}


def test_it_comes_back_by_itself_and_the_doctor_says_what_is_wrong_meanwhile(
    site: Contained, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in site.test_engine.environment.items():
        monkeypatch.setenv(name, value)
    assert_healthy(site.file, site.state.root)
    before = site.containers()["viewer"]
    os.kill(pid(before), signal.SIGKILL)
    wait_until(lambda: pid(site.containers()["viewer"]) not in {0, pid(before)}, what="another")
    wait_until(lambda: {row["healthy"] for row in site.json("status", code=None)["services"]} == {True}, what="health")
    assert site.containers()["viewer"].id == before.id
    site.engine.client.api.stop(before.id, timeout=5)
    found = assert_named("viewer stopped, containers", site.file, site.state.root, ["container-stopped"])
    assert found["container-stopped"].subject == "viewer"
    site.deploy("--repair")
    wait_until(lambda: causes(site.file, site.state.root) == {}, what="health")


def pid(container: Container) -> int:
    """Its first process, as this host counts."""
    return int(container.attributes["State"]["Pid"])
