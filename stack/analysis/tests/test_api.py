"""The service as its callers see it, with an archive that is a function."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml
from files import encoded, image, noisy
from openapi_spec_validator import validate
from pydicom import Dataset, dcmread
from starlette.testclient import TestClient
from test_onnx import write_card, write_model

from orthancgen_analysis import openapi
from orthancgen_analysis.api import create_app
from orthancgen_analysis.archive import Archive
from orthancgen_analysis.config import MIB, Config, Limits, load_config
from orthancgen_analysis.contract import AnalysisRequest
from orthancgen_analysis.errors import ArchiveError, BusyError, ConfigError
from orthancgen_analysis.service import Service, installed, prepare_work

TOKEN = "provider-token-0123456789"
ROOT = Path(__file__).parent.parent
HEADERS = {"authorization": f"Bearer {TOKEN}"}


def multipart(content: bytes, parts: int = 1) -> httpx.Response:
    body = b"".join(b"--b1\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n" for _ in range(parts))
    kind = 'multipart/related; type="application/dicom"; boundary=b1'
    return httpx.Response(200, headers={"content-type": kind}, content=body + b"--b1--\r\n")


class Site:
    """A service with providers, and the archive behind it."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        self.images: dict[str, Dataset] = {}
        self.answer: Callable[[httpx.Request], httpx.Response] | None = None
        self.asked: list[httpx.Request] = []
        write_model(folder)
        (folder / "token").write_text(f"{TOKEN}\n")
        (folder / "password").write_text("archive-secret\n")
        content = {
            "listen": {"host": "127.0.0.1", "port": 8010},
            "dicomweb": {"url": "http://archive/dicom-web", "username": "reader", "password_file": "password"},
            "token_file": "token",
            "providers": [{"kind": "image_quality"}, {"kind": "onnx", "card": write_card(folder).name}],
            "limits": limits,
        }
        (folder / "analysis.json").write_text(json.dumps(content))
        config = load_config(folder / "analysis.json")
        archive = Archive(config, httpx.MockTransport(self._archive))
        app = create_app(config.token, installed(config), Service(config, archive), archive)
        self.client = TestClient(app, base_url="http://testserver")

    def add(self, dataset: Dataset) -> Dataset:
        self.images[str(dataset.SOPInstanceUID)] = dataset
        return dataset

    def _archive(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.answer is not None:
            return self.answer(request)
        parts = request.url.path.split("/")
        dataset = self.images.get(parts[7])
        if dataset is None:
            return httpx.Response(404)
        if parts[-1] == "metadata":
            return httpx.Response(200, content=json.dumps([dataset.to_json_dict()]))
        return multipart(encoded(dataset))

    def wish(self, *datasets: Dataset) -> dict[str, Any]:
        series: dict[str, dict[str, Any]] = {}
        for it in datasets:
            uid = str(it.SeriesInstanceUID)
            one = series.setdefault(uid, {"series_instance_uid": uid, "modality": it.Modality, "instances": []})
            one["instances"].append({"sop_instance_uid": str(it.SOPInstanceUID), "sop_class_uid": str(it.SOPClassUID)})
        return {"study_instance_uid": str(datasets[0].StudyInstanceUID), "series": list(series.values())}

    def post(self, path: str, content: object) -> httpx.Response:
        answer: httpx.Response = self.client.post(path, json=content, headers=HEADERS)
        return answer


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    it = Site(tmp_path)
    with it.client:
        yield it


def schema(name: str) -> jsonschema.Draft202012Validator:
    document = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    return jsonschema.Draft202012Validator({**document, "$ref": f"#/components/schemas/{name}"})


def test_the_contract_is_openapi_and_as_the_types_say() -> None:
    text = (ROOT / "openapi.yaml").read_text()
    assert text == openapi.text()
    validate(yaml.safe_load(text))


@pytest.mark.parametrize("provider", ["image_quality", "brightness"])
def test_a_provider_says_what_it_is(site: Site, provider: str) -> None:
    answer = site.client.get(f"/{provider}/v1/provider", headers=HEADERS)
    assert answer.status_code == 200
    schema("Provider").validate(answer.json())
    assert answer.json()["id"] == provider
    assert "not a diagnosis" in answer.json()["statement"]


@pytest.mark.parametrize("provider", ["image_quality", "brightness"])
def test_a_study_becomes_a_result_and_a_report(site: Site, provider: str) -> None:
    dataset = site.add(image(noisy()))
    wish = site.wish(dataset)
    answer = site.post(f"/{provider}/v1/analyses", wish)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    schema("Analysis").validate(result)
    assert result["measurements"]
    provenance = result["provenance"]
    assert (provenance["provider"], provenance["instances_examined"]) == (provider, 1)
    assert (provenance["model_digest"] is None) == (provider == "image_quality")
    assert site.asked[0].headers["authorization"].startswith("Basic ")
    assert "transfer-syntax=*" in site.asked[0].headers["accept"]

    report = site.post(f"/{provider}/v1/reports/sr", {"request": wish, "analysis": result})
    assert report.status_code == 200, report.text
    assert report.headers["content-type"] == "application/dicom"
    document = dcmread(BytesIO(report.content))
    assert document.StudyInstanceUID == dataset.StudyInstanceUID
    again = site.post(f"/{provider}/v1/analyses", wish).json()
    assert again["provenance"]["input_digest"] == provenance["input_digest"]
    assert again["measurements"] == result["measurements"]


def test_what_cannot_be_read_is_named_and_the_rest_examined(site: Site) -> None:
    good = site.add(image(noisy()))
    bad = site.add(image(noisy(), NumberOfFrames=1000))
    result = site.post("/image_quality/v1/analyses", site.wish(good, bad)).json()
    (left,) = result["not_examined"]
    assert left["reference"]["sop_instance_uid"] == bad.SOPInstanceUID
    assert "holds fewer bytes" in left["why"]
    alone = site.post("/image_quality/v1/analyses", site.wish(bad))
    assert alone.status_code == 422
    assert alone.headers["content-type"] == "application/problem+json"
    assert "no instance could be examined: it claims 1000 frames" in alone.json()["detail"]


def test_a_model_is_only_given_what_it_reads(site: Site) -> None:
    other = site.add(image(noisy(), Modality="MR"))
    answer = site.post("/brightness/v1/analyses", site.wish(other))
    assert answer.status_code == 422
    assert answer.json()["detail"] == "nothing in the study is for this provider: it reads CT"
    assert site.asked == []


def test_bytes_are_bounded(tmp_path: Path) -> None:
    site = Site(tmp_path, instance_bytes=20_000, study_bytes=60_000)
    with site.client:
        large = site.add(image(noisy()))
        answer = site.post("/image_quality/v1/analyses", site.wish(large))
        assert answer.status_code == 422
        assert "larger than 20000 bytes" in answer.json()["detail"]
        series = "1.2.3"
        small = [site.add(image(noisy(size=80), SeriesInstanceUID=series, StudyInstanceUID="1.2")) for _ in range(6)]
        result = site.post("/image_quality/v1/analyses", site.wish(*small)).json()
        assert result["provenance"]["instances_examined"] == 4
        assert len(result["not_examined"]) == 2


def test_a_long_series_is_sampled_and_it_says_so(tmp_path: Path) -> None:
    site = Site(tmp_path, instances_per_series=3)
    with site.client:
        many = [site.add(image(noisy(size=16), SeriesInstanceUID="1.2.3", StudyInstanceUID="1.2")) for _ in range(9)]
        provenance = site.post("/image_quality/v1/analyses", site.wish(*many)).json()["provenance"]
        assert (provenance["instances_given"], provenance["instances_examined"]) == (9, 3)
        assert provenance["parameters"]["instances_per_series"] == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(401), "refused an instance (401)"),
        (httpx.Response(404), "has not an instance any more"),
        (httpx.Response(500), "answered 500"),
        (httpx.Response(302, headers={"location": "http://elsewhere/"}), "answered 302"),
        (httpx.Response(200, content=b"x"), "not multipart/related"),
        (multipart(b"x", parts=2), "held not one instance"),
        (httpx.Response(200, headers=multipart(b"").headers, content=b"--b1\r\nA: b\r\n\r\nxyz"), "ended early"),
        (httpx.Response(200, headers=multipart(b"").headers, content=b"nonsense"), "not multipart"),
    ],
)
def test_an_archive_that_fails_is_told(site: Site, answer: httpx.Response, words: str) -> None:
    dataset = image(noisy())
    site.answer = lambda _: httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
    got = site.post("/image_quality/v1/analyses", site.wish(dataset))
    assert got.status_code == 502
    assert words in got.json()["detail"]
    assert len(site.asked) == 1


def test_an_archive_that_is_not_there_is_told(site: Site) -> None:
    def nobody(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("secret address")

    site.answer = nobody
    got = site.post("/image_quality/v1/analyses", site.wish(image(noisy())))
    assert (got.status_code, got.json()["detail"]) == (502, "the archive did not give an instance (ConnectError)")


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_without_the_token_nothing_is_told(site: Site, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    for method, path in (("GET", "provider"), ("POST", "analyses"), ("POST", "reports/sr")):
        got = site.client.request(method, f"/image_quality/v1/{path}", headers=headers)
        assert got.status_code == 401
        assert got.headers["www-authenticate"] == "Bearer"
    assert site.client.get("/unknown/v1/provider", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b"null", 400),
        (b'{"study_instance_uid": "1.2", "series": []}', 400),
        (b'{"study_instance_uid": "../../x", "series": []}', 400),
        (b'{"study_instance_uid": 1.2, "series": []}', 400),
        (b'{"study_instance_uid": "1.2\\n", "series": []}', 400),
        (b" " * (5 * MIB), 413),
    ],
)
def test_bad_requests_are_refused(site: Site, content: bytes, status: int) -> None:
    kind = {**HEADERS, "content-type": "application/json"}
    got = site.client.post("/image_quality/v1/analyses", content=content, headers=kind)
    assert got.status_code == status
    assert got.headers["content-type"] == "application/problem+json"
    assert site.asked == []


def test_other_addresses_and_types_are_refused(site: Site) -> None:
    assert site.client.get("/x", headers=HEADERS).status_code == 404
    assert site.client.get("/nobody/v1/provider", headers=HEADERS).status_code == 404
    assert site.client.get("/image_quality/v1/analyses", headers=HEADERS).status_code == 405
    kind = {**HEADERS, "content-type": "text/plain"}
    assert site.client.post("/image_quality/v1/analyses", content="x", headers=kind).status_code == 415


def test_too_many_at_once_are_sent_away(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1, waiting=1)
    config = load_config(tmp_path / "analysis.json")
    request = AnalysisRequest.model_validate(site.wish(image(noisy())))

    async def crowd() -> list[object]:
        class Slow(Archive):
            async def instance(self, *_: Any) -> tuple[str, int]:
                await asyncio.sleep(0.2)
                raise ArchiveError("slow")

        service = Service(config, Slow(config))
        it = installed(config)["image_quality"]
        return await asyncio.gather(*(service.analyse(it, request) for _ in range(4)), return_exceptions=True)

    kinds = [type(it) for it in asyncio.run(crowd())]
    assert kinds == [ArchiveError, ArchiveError, BusyError, BusyError]


def test_a_configuration_names_all_its_problems_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short-secret")
    content = {
        "listen": {"host": "127.0.0.1", "port": 1},
        "dicomweb": {"url": "http://archive/", "username": "x", "password_file": "none"},
        "token_file": "token",
        "providers": [{"kind": "image_quality"}, {"kind": "image_quality"}, {"kind": "onnx", "card": "none.yaml"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "a.json")
    text = str(caught.value)
    for words in ("token_file: the token is shorter", "password_file: cannot read", "cannot read the card", "same id"):
        assert words in text
    assert "short-secret" not in text


@pytest.mark.parametrize(
    "change",
    [{"x": 1}, {"providers": []}, {"dicomweb": {"url": "http://u:p@h/"}}, {"listen": {"host": "a b", "port": 1}}],
)
def test_a_configuration_is_strict(change: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    content = {
        "listen": {"host": "127.0.0.1", "port": 1},
        "dicomweb": {"url": "http://archive/"},
        "token_file": "token",
        "providers": [{"kind": "image_quality"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    config = load_config(tmp_path / "a.json")
    assert isinstance(config, Config)
    assert isinstance(config.limits, Limits)
    assert TOKEN not in repr(config)
    (tmp_path / "a.json").write_text(json.dumps({**content, **change}))
    with pytest.raises(ConfigError):
        load_config(tmp_path / "a.json")


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    Site(tmp_path)
    content = json.loads((tmp_path / "analysis.json").read_text())
    (tmp_path / "analysis.json").write_text(json.dumps({**content, "work_folder": "a/work"}))
    config = load_config(tmp_path / "analysis.json")
    assert config.work == tmp_path / "a/work"
    prepare_work(config.work)
    assert (tmp_path / "a/work").stat().st_mode & 0o777 == 0o700
    (config.work / "analysis-left").mkdir()
    (config.work / "analysis-left" / "0.dcm").write_bytes(b"x")
    (config.work / "of-somebody").write_bytes(b"x")
    prepare_work(config.work)
    assert [it.name for it in (tmp_path / "a/work").iterdir()] == ["of-somebody"]
    prepare_work(None)
    with pytest.raises(ConfigError, match="work_folder: cannot use"):
        prepare_work(tmp_path / "token" / "below-a-file")


def test_what_is_fetched_lies_in_the_work_folder_and_is_gone_afterwards(tmp_path: Path) -> None:
    site = Site(tmp_path)
    config = replace(load_config(tmp_path / "analysis.json"), work=tmp_path / "work")
    prepare_work(config.work)
    seen: list[str] = []

    class Looking(Archive):
        async def instance(self, *arguments: Any) -> tuple[str, int]:
            seen.extend(it.name for it in (tmp_path / "work").iterdir())
            raise ArchiveError("enough")

    service = Service(config, Looking(config))
    request = AnalysisRequest.model_validate(site.wish(image(noisy())))
    with pytest.raises(ArchiveError):
        asyncio.run(service.analyse(installed(config)["image_quality"], request))
    assert len(seen) == 1
    assert list((tmp_path / "work").iterdir()) == []


def test_nothing_of_the_patient_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "orthancgen_analysis")
    dataset = site.add(image(noisy(), PatientName="Secret^Name"))
    site.post("/image_quality/v1/analyses", site.wish(dataset))
    text = " ".join(it.getMessage() for it in caplog.records if it.name.startswith("orthancgen"))
    assert "image_quality: done" in text
    assert "Secret" not in text
    assert str(dataset.StudyInstanceUID) not in text
