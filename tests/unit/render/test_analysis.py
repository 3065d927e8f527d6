"""What follows from `analysis:` services, flows, secrets and accounts; its files, its container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from orthancgen.errors import RenderError
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.render import analysis_json, backend_json
from orthancgen.render.catalogue import render
from orthancgen.render.compose_yaml import build, document, mounts
from orthancgen.site.load import load
from tests.support.environments import MINIMAL, NEWEST, site_of
from tests.support.hostile import CORPUS
from tests.unit.render.test_compose import TLS
from tests.unit.render.test_hostile import as_yaml

CARD = "/srv/models/chest/card.yaml"
ON: dict[str, Any] = {
    "analysis": {"enabled": True, "on_arrival": ["image_quality"], "models": {"chest": CARD}},
    "orthanc/plugins": ["dicomweb"],
}


def plan_of(changes: dict[str, Any], **more: Any) -> Plan:
    return plan(site_of(MINIMAL, {**ON, **changes, **more}), NEWEST)


def test_off_it_is_nowhere() -> None:
    built = plan(site_of(MINIMAL, {}), NEWEST)
    assert "analysis" not in built.by_name
    assert not any("analysis" in secret.name for secret in built.secrets)
    assert "analysis" not in backend_json.configuration(built)
    assert not any(file.path.startswith("analysis/") for file in render(built).files)


@pytest.mark.parametrize("changes", [{}, TLS])
def test_who_reaches_it_and_what_it_reaches(changes: dict[str, Any]) -> None:
    built = plan_of(changes)
    assert [(flow.source, flow.port) for flow in built.flows if flow.service == "analysis"] == [("backend", 8010)]
    assert [(flow.service, flow.port) for flow in built.flows if flow.source == "analysis"] == [("orthanc", 8042)]
    assert {s.name: set(s.used_by) for s in built.secrets if s.said_by[0] == "analysis"} == {
        "analysis_token": {"backend", "analysis"},
        "analysis_orthanc_password": {"orthanc", "analysis"},
    }
    [listener] = built.service("analysis").listeners or (None,)
    assert (listener.address if listener else None) == (None if changes else "127.0.0.1")


@pytest.mark.parametrize(
    ("changes", "role"),
    [
        ({}, "service"),
        ({"analysis/store_sr": True}, "service_that_stores"),
        ({"analysis": {"store_sr": True}}, "service"),
        ({"viewer/enabled": True, "reports/store_to_orthanc": True}, "service_that_stores"),
    ],
)
def test_the_backend_stores_only_where_something_is_to_be_stored(changes: dict[str, Any], role: str) -> None:
    accounts = {account.user: account.role for account in plan_of(changes).accounts}
    assert accounts["orthancgen-backend"] == role
    if "analysis" not in changes:
        assert accounts["orthancgen-analysis"] == "service_that_reads_images"


def test_its_files_of_this_host() -> None:
    built = plan_of({"analysis/workers": 2, "analysis/seconds": 100, "analysis/store_sr": True})
    service, backend = analysis_json.configuration(built), backend_json.configuration(built)["analysis"]
    assert service["listen"] == {"host": "127.0.0.1", "port": 8010}
    assert service["work_folder"] == "../../data/analysis"
    assert service["providers"] == [{"kind": "image_quality"}, {"kind": "onnx", "card": CARD}]
    assert service["limits"]["study_bytes"] == 1024**3
    assert [(one["id"], one["url"]) for one in backend["providers"]] == [
        ("image_quality", "http://127.0.0.1:8010/image_quality"),
        ("chest", "http://127.0.0.1:8010/chest"),
    ]
    assert {one["timeout_seconds"] for one in backend["providers"]} == {160}
    assert {one["token_file"] for one in backend["providers"]} == {"../../secrets/analysis_token"}
    assert (backend["on_arrival"], backend["store_sr"]) == (["image_quality"], True)
    assert "[program:analysis]" in render(built).file("supervisord.conf").content.decode()


def test_by_https_it_knows_the_authority() -> None:
    secure = analysis_json.configuration(plan_of({"http/tls/enabled": True}))["dicomweb"]
    assert (secure["url"], secure["ca_file"]) == (
        "https://127.0.0.1:8042/dicom-web", "../../secrets/http_tls_authority",
    )  # fmt: skip
    inside = analysis_json.configuration(plan_of(TLS))["dicomweb"]
    assert (inside["url"], inside["ca_file"]) == ("http://orthanc:8042/dicom-web", None)


def test_its_container_is_with_orthanc_and_the_backend_and_reaches_nothing_else() -> None:
    built = plan_of(TLS)
    read = yaml.safe_load(build(built))
    joined = {name: set(service["networks"]) for name, service in read["services"].items()}
    assert joined["analysis"] == {"analysis"}
    assert {name for name, networks in joined.items() if "analysis" in networks} == {"analysis", "backend", "orthanc"}
    assert read["networks"]["analysis"]["internal"] is True
    assert read["networks"]["analysis"]["ipam"]["config"][0]["subnet"] == "172.30.242.192/26"
    service = read["services"]["analysis"]
    assert "ports" not in service
    assert {file.name for file in mounts(built)["analysis"]} == {"analysis_token", "analysis_orthanc_password"}
    assert "analysis_token" in {file.name for file in mounts(built)["backend"]}
    [_, model] = service["volumes"]
    assert (model["source"], model["target"], model["read_only"]) == ("/srv/models/chest", "/models/chest", True)
    assert (service["read_only"], service["cap_drop"], service["user"]) == (True, ["ALL"], "10004:10004")


def test_its_container_holds_what_it_fetches_in_memory() -> None:
    limits = {"containers/limits/analysis/memory_megabytes": 3000}
    changes = {"analysis/workers": 2, "analysis/study_megabytes": 200, "analysis/memory_megabytes": 1000, **limits}
    service = document(plan_of(TLS, **changes))["services"]["analysis"]
    assert service["tmpfs"][0].startswith("/tmp:size=432m,")
    assert service["mem_limit"] == "3000m"


@pytest.mark.parametrize("text", CORPUS)
def test_the_path_of_a_card_is_refused_or_carried(text: str, tmp_path: Path) -> None:
    for base in ({}, {key: value for key, value in TLS.items() if "/" not in key}):
        analysis = {"enabled": True, "models": {"m": f"/srv/{text}/c.yaml"}}
        data = {**yaml.safe_load(MINIMAL), **base, "analysis": analysis}
        data["orthanc"] = {**data["orthanc"], "version": "1.13.0", "plugins": ["dicomweb"]}
        (tmp_path / "dev.yaml").write_text(as_yaml(data), encoding="utf-8")
        loaded = load(tmp_path / "dev.yaml")
        if loaded.site is None:
            assert loaded.errors
            continue
        try:
            bundle = render(plan(loaded.site, loaded.version))
        except RenderError:
            assert base  # a character that Compose cannot carry, as in every path of the host
            continue
        card = json.loads(bundle.file("analysis/analysis.json").content)["providers"][1]["card"]
        written = loaded.site.analysis.models["m"]
        if not base:
            assert card == written
            continue
        assert card == "/models/m/c.yaml"
        [_, model] = yaml.safe_load(bundle.file("compose.yaml").content)["services"]["analysis"]["volumes"]
        assert model["source"].replace("$$", "$") == written.removesuffix("/c.yaml").rstrip("/")
