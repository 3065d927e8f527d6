"""Viewer and analysis in production's containers: built, deployed, proven, closed in, and back by themselves."""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from orthancgen.render.container_files import project_name
from orthancgen.runtimes.compose.container import Container
from tests.support.contained import Contained, write_images
from tests.support.doctor import assert_healthy, assert_named
from tests.support.doctor import named as causes
from tests.support.engine import TestEngine
from tests.support.images import TestImages
from tests.support.models import make_model
from tests.support.servers import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

PORT = 5173


@pytest.fixture(scope="module")
def site(
    engine: TestEngine, images: TestImages, page_images: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contained]:
    """Production with a viewer and the analysis, deployed and proven by the command itself."""
    made = Contained(tmp_path_factory.mktemp("viewer"), engine, images, "pages")
    made.defaults = {
        "viewer": {"enabled": True},
        "analysis": {"enabled": True, "on_arrival": ["image_quality"], "quiet_seconds": 1, "store_sr": True},
        # Nothing that a doctor would find wrong on this host.
        "network": {"firewall": [], "managed_from": []},
        "certificates": {"names": ["127.0.0.1"]},
        "users": {
            role: {"role": role, "password": {"secret": f"{role}_password"}} for role in ("administrator", "viewer")
        },
    }
    made.write({f"images.{service}": image for service, image in page_images.items()})
    try:
        made.run("deploy")
        yield made
    finally:
        made.end()


def browser(site: Contained) -> httpx.Client:
    """A client that trusts what the site's own browsers are told to trust."""
    verify = site.access().http_verify
    assert isinstance(verify, ssl.SSLContext)
    return httpx.Client(base_url=f"https://127.0.0.1:{PORT}", verify=verify, trust_env=False, timeout=60)


def test_it_is_proven_behind_the_gateway(site: Contained) -> None:
    outcomes = {row["id"]: row["outcome"] for row in site.json("verify")["checks"]}
    proofs = ("viewer-shows", "viewer-closed", "analysis-made", "analysis-removed")
    assert [outcomes[proof] for proof in proofs] == ["passed"] * 4
    assert {row["healthy"] for row in site.json("status")["services"]} == {True}
    before = site.ids()
    assert set(before) == {"database", "orthanc", "backend", "analysis", "viewer", "gateway"}
    site.run("deploy")
    assert site.ids() == before  # hashes of passwords have salts, and change nothing


@pytest.mark.parametrize(
    ("service", "network", "user"), [("viewer", "backend", 10003), ("analysis", "analysis", 10004)]
)
def test_they_reach_nothing_but_what_they_need(site: Contained, service: str, network: str, user: int) -> None:
    containers = site.containers()
    one = containers[service]
    assert set(one.addresses) == {network}
    assert not one.published_ports
    host = one.attributes["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
    assert one.attributes["Config"]["User"] == f"{user}:{user}"
    assert sorted(containers["gateway"].published_ports) == [PORT, 8001, 8042]
    inspected = site.engine.client.api.inspect_network(f"{project_name(site.name)}_{network}")
    assert inspected["Internal"]
    assert len(inspected["Containers"]) < len(containers)


def test_what_arrives_is_analysed_and_comes_back_as_a_structured_report(site: Contained, tmp_path: Path) -> None:
    write_images(tmp_path / "images", "analysed", 2)
    site.run("send", str(tmp_path / "images"))

    def reports() -> list[object]:
        with site.orthanc() as client:
            answer = client.post("/tools/find", json={"Level": "Series", "Query": {"Modality": "SR"}})
            return list(answer.raise_for_status().json())

    wait_until(lambda: len(reports()) == 1, what="the structured report")


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


def test_a_model_that_cannot_be_used_is_refused_before_anything_is_touched(
    site: Contained, page_images: dict[str, str], tmp_path: Path
) -> None:
    model = tmp_path / "brightness"
    make_model(model, 8)
    changes = {f"images.{service}": image for service, image in page_images.items()}
    site.write({**changes, "analysis.models": {"brightness": str(model / "card.yaml")}})
    site.deploy()
    wait_until(lambda: site.containers()["analysis"].health == "healthy", what="its health")
    before, good = site.ids(), (model / "model.onnx").read_bytes()
    make_model(model, 12, with_card=False)
    wrong = "analysis.models.brightness: card.yaml: model.sha256: the file is another one"
    assert wrong in site.deploy("--repair", code=4).err
    (model / "model.onnx").write_bytes(good)
    (model / "card.yaml").unlink()
    assert "analysis.models.brightness" in site.deploy("--repair", code=4).err
    site.write({**changes, "analysis.models": {"brightness": str(tmp_path / "nowhere/card.yaml")}})
    assert "nowhere" in site.deploy(code=4).err
    assert site.ids() == before
    wait_until(lambda: site.containers()["analysis"].health == "healthy", what="its health, as nothing was touched")


def pid(container: Container) -> int:
    """Its first process, as this host counts."""
    return int(container.attributes["State"]["Pid"])
