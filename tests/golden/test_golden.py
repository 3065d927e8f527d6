"""The bundles of the shipped environments for each version of Orthanc: the same bytes, always and everywhere."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from orthancgen import firewall
from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.dialect import SCRIPT
from orthancgen.orthanc.keys import Version, keys_for
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.artifact import Bundle
from orthancgen.render.catalogue import CATALOGUE, MANIFEST, render
from orthancgen.render.orthanc_json import CUSTOM_SECTION, SECRET_KEYS
from orthancgen.render.site_json import SITE_FILE
from orthancgen.render.write import compare, write
from orthancgen.resources import locate
from orthancgen.site.load import load
from orthancgen.site.settings import DEFAULTS, OF_SEVERAL, OWNED

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
GENERATED = re.compile(r"-----BEGIN|[A-Za-z0-9_-]{43,}")
"""What a generated secret (32 bytes in URL-safe base64) or a PEM file looks like."""
KNOWN = re.compile(r"sha256:[0-9a-f]{64}|comment=[0-9a-f]+|PublicKey = \S+|orthancgen_[a-z_]+|requiredDuring[A-Za-z]+")
"""What looks like one and is none: digests, comments as ufw writes them, public keys, metrics, a key of Kubernetes."""


def plan_of(name: str) -> Plan:
    loaded = load(FOLDER / f"{name}.yaml")
    assert loaded.errors == ()
    return plan(loaded.require(), loaded.version)


def bundle_of(name: str) -> Bundle:
    return render(plan_of(name))


def orthanc_json(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(bundle_of(name).file("orthanc/orthanc.json").content)
    return document


def test_there_are_bundles() -> None:
    assert len(NAMES) == 20
    assert {path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_whole_bundle(name: str, update_golden: bool) -> None:
    bundle, folder = bundle_of(name), FOLDER / name
    if update_golden:
        shutil.rmtree(folder, ignore_errors=True)
        write(bundle, folder)
        return
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {file.path for file in bundle.files}
    for file in bundle.files:
        assert file.content.decode() == (folder / file.path).read_bytes().decode(), f"{name}/{file.path}; see README.md"


@pytest.mark.parametrize(
    "surroundings",
    [
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC"},
        {
            "PYTHONHASHSEED": "4242",
            "LC_ALL": "en_US.UTF-8",
            "TZ": "Asia/Kolkata",
            "PYTHONUTF8": "0",
            "HOME": "/nonexistent",
        },
        {
            "PYTHONHASHSEED": "0",
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
            "COLUMNS": "20",
            "NO_COLOR": "1",
        },
    ],
    ids=["C", "en_US", "ASCII"],
)
@pytest.mark.parametrize("name", ["dev-1.10.1", "prod-1.13.0"])
def test_same_bytes_in_other_surroundings(name: str, surroundings: dict[str, str], tmp_path: Path) -> None:
    path = os.path.relpath(FOLDER / f"{name}.yaml", tmp_path)
    run = subprocess.run(
        [sys.executable, "-P", "-m", "orthancgen", "render", path, "-o", "out"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **surroundings},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    for file in bundle_of(name).files:
        assert (tmp_path / "out" / file.path).read_bytes() == file.content
    assert all(change.state == "identical" for change in compare(bundle_of(name), tmp_path / "out"))


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_known_to_the_version(name: str) -> None:
    version = Version.parse(name.rpartition("-")[2])
    unknown = set(orthanc_json(name)) - set(keys_for(version)) - {CUSTOM_SECTION}
    assert unknown == set()
    for modality in orthanc_json(name)["DicomModalities"].values():
        assert set(modality) <= set(keys_for(version, "modality"))


def test_owned_keys_and_rendered_keys_agree() -> None:
    rendered = {key for name in NAMES for key in orthanc_json(name)}
    said_by_the_site = {key for name in NAMES for key in plan_of(name).site.orthanc.settings}
    assert rendered - said_by_the_site == (set(OWNED) | DEFAULTS | OF_SEVERAL) - set(SECRET_KEYS)
    assert not set(OWNED) & DEFAULTS


NOT_OF_A_BUNDLE = {"access", "audit", "ci", "firewall", "doctor", "logs", "sheets", "systemd"}
"""Folders of templates for what a verb shows or a deploy makes, and those of firewalls, some of which serve several."""


def test_each_template_belongs_to_one_artifact() -> None:
    templates = locate("templates")
    there = sorted(
        str(path.relative_to(templates)).removesuffix(".j2")
        for path in templates.rglob("*")
        if path.is_file() and path.relative_to(templates).parts[0] not in NOT_OF_A_BUNDLE
    )
    paths = [artifact.path for artifact in CATALOGUE]
    assert len(set(paths)) == len(paths)
    assert set(there) <= set(paths)
    assert all(path.name.endswith(".j2") for path in templates.rglob("*") if path.is_file())


def test_each_template_of_a_firewall_is_used_by_it() -> None:
    folder = locate("templates") / "firewall"
    for path in folder.rglob("*.j2"):
        name = str(path.relative_to(folder.parent)).removesuffix(".j2")
        if path.parent == folder:
            users = list(folder.glob("*/*.j2"))
        elif path.name == f"{SCRIPT}.j2":
            assert SCRIPT in {file.path for file in DIALECTS[path.parent.name].files}
            continue
        else:
            assert path.parent.name in DIALECTS
            users = [Path(firewall.__file__).parent / f"{path.parent.name}.py"]
        stem = name.rpartition("/")[2]
        assert any(name in (text := user.read_text()) or f'"{stem}"' in text for user in users), name


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_in_the_bundle(name: str) -> None:
    built = plan_of(name)
    bundle = render(built)
    document = orthanc_json(name)
    assert not set(document) & set(SECRET_KEYS)
    secrets = {secret.name for secret in built.secrets}
    assert secrets
    owners = [f"{service}{mark}" for service in get_args(ServiceName) for mark in "-/"]
    owners += ["- key: ", " path: "]  # of a file in a Secret of Kubernetes
    for file in bundle.files:
        if file.path == SITE_FILE:  # the model, which names secrets as such
            continue
        for line in file.content.decode().splitlines():
            if file.path.startswith("firewall/wireguard/") and line.startswith("#"):
                continue  # says which secret a key is, or follows from
            assert not GENERATED.search(KNOWN.sub("", line))
            for secret in secrets:  # named as a file in a folder of secrets, and by Compose as one of a service
                for found in re.finditer(rf"\b{secret}\b", line):
                    assert line[: found.start()].endswith(("secrets/", *owners)), f"{file.path}: {line}"


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_names_each_file_with_its_hash(name: str) -> None:
    bundle = bundle_of(name)
    manifest = json.loads(bundle.file(MANIFEST).content)
    others = [file for file in bundle.files if file.path != MANIFEST]
    assert manifest["files"] == {f.path: f"sha256:{hashlib.sha256(f.content).hexdigest()}" for f in others}
    assert bundle.files[-1].path == MANIFEST
    assert all(file.mode == (0o755 if file.path.endswith("/firewall.sh") else 0o644) for file in bundle.files)
