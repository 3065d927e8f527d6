"""The container image of the command on a real engine: a folder is mounted, and nothing else is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orthancgen import __version__
from orthancgen.errors import OrthancgenError
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.images import own_image
from orthancgen.render.catalogue import render
from orthancgen.render.orthanc_json import configuration
from orthancgen.render.write import write
from orthancgen.resources import locate
from orthancgen.site.load import load
from scripts import image
from scripts.image_bills import image_bill
from tests.conftest import StartOrthanc
from tests.support.engine import TestEngine
from tests.support.images import TestImages, tag
from tests.support.servers import free_port, wait_until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.live
NAME = tag("command:1")


@pytest.fixture(scope="module")
def client(engine: TestEngine, images: TestImages) -> Any:
    """A client of the engine, which has the image; Debian 13 with Python stands for the image `python`."""
    used = engine.connect().client
    used.api.timeout = 600
    image.build(used.api, NAME, {"BASE_IMAGE": images.mongo})
    return used


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(locate("environments"), tmp_path / "work" / "environments")
    work = tmp_path / "work"
    (work / "golden.yaml").write_text("extends: environments/prod.yaml\northanc: {version: 1.13.0}\n")
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)
    return work


def run(client: Any, folder: Path, *arguments: str, mode: str = "ro", **more: Any) -> tuple[int, str, str]:
    container = client.containers.create(
        NAME, [*arguments], volumes={str(folder): {"bind": "/work", "mode": mode}}, network_mode="none",
        read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"], **more,
    )  # fmt: skip
    try:
        container.start()
        code = container.wait(timeout=400)["StatusCode"]
        return code, container.logs(stderr=False).decode(), container.logs(stdout=False).decode()
    finally:
        container.remove(force=True)


def test_it_is_ours_and_runs_as_nobody(client: Any, folder: Path) -> None:
    configuration = client.images.get(NAME).attrs["Config"]
    assert configuration["User"] == "10004:10004"
    assert configuration["Labels"]["org.opencontainers.image.version"] == __version__
    assert run(client, folder, "--version")[:2] == (0, f"orthancgen, version {__version__}\n")
    code, shown, _ = run(client, folder)
    assert code == 0
    assert shown.startswith("Usage: orthancgen [OPTIONS] COMMAND")


def test_it_validates_and_audits_what_is_mounted(client: Any, folder: Path) -> None:
    code, shown, told = run(client, folder, "validate", "prod", "staging")
    assert (code, told) == (0, "")
    assert "environments/prod.yaml: valid for Orthanc 1.13.0" in shown
    code, shown, _ = run(client, folder, "audit", "prod", "--format", "json")
    assert code == 0
    assert json.loads(shown)["summary"]["low"] == 3
    (folder / "environments" / "prod.yaml").write_text("environment: prod\nkind: nothing\n")
    code, shown, _ = run(client, folder, "validate", "prod")
    assert code == 2
    assert "kind" in shown


def test_it_renders_the_golden_bundle(client: Any, folder: Path) -> None:
    code, _, told = run(client, folder, "render", "golden.yaml", "-o", "bundle")
    assert code == 3, "a folder that is mounted read-only"
    assert "read-only" in told.lower()
    folder.chmod(0o777)
    code, _, told = run(client, folder, "render", "golden.yaml", "-o", "bundle", mode="rw")
    assert code == 0, told
    golden = ROOT / "tests" / "golden" / "prod-1.13.0"
    rendered = folder / "bundle"
    assert {str(path.relative_to(rendered)): path.read_bytes() for path in rendered.rglob("*") if path.is_file()} == {
        str(path.relative_to(golden)): path.read_bytes() for path in golden.rglob("*") if path.is_file()
    }


def test_its_bill_names_its_packages(client: Any) -> None:
    inside = {"metadata": {"component": {"type": "application", "name": "orthancgen"}}, "components": []}
    document = json.loads(image_bill(client, NAME, inside))
    kinds = {(one["type"], one["name"]) for one in document["components"]}
    assert {
        ("operating-system", "debian"),
        ("library", "libc6"),
        ("library", "python3"),
        ("application", "orthancgen"),
    } <= kinds
    assert all(one["version"] for one in document["components"] if one["type"] == "library")
    with pytest.raises(OrthancgenError, match="cannot be asked: ImageNotFound"):
        image_bill(client, "orthancgen-test/none:1")


def test_it_proves_a_site_by_the_clock(
    client: Any, engine: TestEngine, start_orthanc: StartOrthanc, tmp_path: Path
) -> None:
    port = free_port()
    file = tmp_path / "here.yaml"
    file.write_text(f"""
environment: here
kind: development
orthanc: {{aet: ORTHANC, version: 1.10.1}}
dicom: {{port: {port}}}
modalities: {{ct1: {{aet: CT1, address: 127.0.0.1, may: [echo, store]}}}}
users: {{orthanc: {{role: administrator, password: {{secret: orthanc_password}}}}}}
observability: {{prometheus: true}}
""")
    plan = build_plan(load(file).require(), Version.parse("1.10.1"))
    start_orthanc({key: value for key, value in configuration(plan).items() if key.startswith("Dicom")})
    write(render(plan), tmp_path / "bundle")
    for folder in (tmp_path, *tmp_path.parents[:2], tmp_path / "bundle"):
        folder.chmod(0o755)
    (tmp_path / "textfile").mkdir()
    (tmp_path / "textfile").chmod(0o777)
    assert client.images.get(NAME).tag(own_image("orthancgen"))
    variables = {
        **os.environ,
        **engine.environment,
        "ORTHANCGEN_FROM": "ct1",
        "ORTHANCGEN_HOST": "127.0.0.1",
        "ORTHANCGEN_TEXTFILE": str(tmp_path / "textfile"),
    }
    compose = ["docker", "compose", "-f", str(tmp_path / "bundle" / "verify" / "compose.yaml")]
    told = tmp_path / "textfile" / "orthancgen-here-from-ct1.prom"
    try:
        done = subprocess.run([*compose, "up", "--detach"], env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        wait_until(told.exists, what="the container has proven the site")
        lines = told.read_text().splitlines()
        assert 'orthancgen_verify_success{caller="ct1",environment="here"} 1.0' in lines

        def said() -> str:
            return subprocess.run([*compose, "logs"], env=variables, capture_output=True, text=True, check=True).stdout

        wait_until(lambda: re.search(r"(\d+) of \1 passed", said()) is not None, what="the log tells of the proofs")
    finally:
        subprocess.run([*compose, "down", "--timeout", "1"], env=variables, capture_output=True, check=True)
