"""kubernetes-validate and checkov accept the manifests; both would find what is wrong."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from orthancgen.plan.model import Plan
from orthancgen.render.catalogue import render
from orthancgen.render.kubernetes.catalogue import base
from orthancgen.render.kubernetes.objects import text
from orthancgen.render.write import write
from tests.support.kubectl import build
from tests.support.scaled import IN_POSTGRESQL, PLAIN, SMALL, WHOLE, kubernetes
from tests.support.tool_environments import checkov_python, kubernetes_python

CHANGES = {"whole": WHOLE, "small": SMALL, "in-postgresql": IN_POSTGRESQL, "plain": PLAIN}
PLANS = {name: kubernetes(changes) for name, changes in CHANGES.items()}
VERSIONS = ("1.35", "1.36", "1.37")
LOW = {
    "CKV_K8S_40": "the images of Orthanc, MongoDB and PostgreSQL bring the user 999, to whom their folders belong",
    "CKV_K8S_43": "`orthancgen pin` writes down the digests of images; these examples have none",
}
"""What checkov finds, of severity low (https://docs.prismacloud.io/en/enterprise-edition/policy-reference), and why."""


def validate(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    files = [path for path in sorted(folder.rglob("*.yaml")) if path.name != "kustomization.yaml"]
    program: list[str | Path] = [kubernetes_python(), "-m", "kubernetes_validate"]
    command = [*program, "--strict", "--kubernetes-version", version, *files]
    return subprocess.run(command, capture_output=True, text=True)


def checkov(folder: Path) -> Counter[str]:
    command: list[str | Path] = [
        checkov_python(), "-m", "checkov.main", "-d", folder, "--framework", "kubernetes", "--skip-download",
        "--quiet", "--compact", "-o", "json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["summary"]["passed"] > 50
    return Counter(one["check_id"] for one in result["results"]["failed_checks"])


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kubernetes")
    for name, plan in PLANS.items():
        write(render(plan), folder / name)
    return folder


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_what_each_version_knows(rendered: Path, version: str) -> None:
    done = validate(rendered, version)
    assert done.returncode == 0, done.stdout + done.stderr
    objects = sum(len(base(plan)) for plan in PLANS.values())
    assert len(re.findall(r"passed for resource \S+ against version", done.stdout + done.stderr)) == objects


def test_an_unknown_key_would_be_found(tmp_path: Path) -> None:
    plan: Plan = PLANS["small"]
    broken = base(plan)
    next(one for one in broken if one["kind"] == "StatefulSet")["spec"]["replicaz"] = 2
    (tmp_path / "broken.yaml").write_text(text(plan, broken))
    assert validate(tmp_path, VERSIONS[0]).returncode != 0


def test_checkov_finds_nothing_above_low(rendered: Path) -> None:
    assert set(checkov(rendered)) == set(LOW)


def test_checkov_would_find_a_container_that_may_more(tmp_path: Path) -> None:
    plan: Plan = PLANS["small"]
    broken = base(plan)
    for one in broken:
        if one["kind"] == "StatefulSet":
            one["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    (tmp_path / "broken.yaml").write_text(text(plan, broken))
    assert set(checkov(tmp_path)) - set(LOW)


def test_kustomizations_name_files_and_workloads_that_are_there(rendered: Path) -> None:
    for name in PLANS:
        folder = rendered / name / "kubernetes"
        listed = yaml.safe_load((folder / "base/kustomization.yaml").read_text())["resources"]
        there = {path.name for path in (folder / "base").iterdir()} - {"kustomization.yaml"}
        assert set(listed) == there
        overlay = yaml.safe_load((folder / "overlays/site/kustomization.yaml").read_text())
        workloads = {one["metadata"]["name"] for one in base(PLANS[name]) if "replicas" in one.get("spec", {})}
        assert {one["name"] for one in overlay["replicas"]} <= workloads


@pytest.mark.parametrize("name", PLANS)
def test_kubectl_builds_the_overlay_with_as_many_as_the_model_says(rendered: Path, name: str) -> None:
    done = build(rendered / name / "kubernetes/overlays/site")
    assert (done.returncode, done.stderr) == (0, "")
    plan = PLANS[name]
    wanted = base(plan)
    for one in wanted:
        count = {"orthanc": plan.site.scale.orthancs, "backend": plan.site.scale.backends}.get(one["metadata"]["name"])
        if count is not None and "replicas" in one.get("spec", {}):
            one["spec"]["replicas"] = count
    key = lambda one: (one["kind"], one["metadata"]["name"])  # noqa: E731
    assert sorted(yaml.safe_load_all(done.stdout), key=key) == sorted(wanted, key=key)


def test_kubectl_would_refuse_a_file_that_is_not_there(tmp_path: Path) -> None:
    write(render(PLANS["small"]), tmp_path)
    (tmp_path / "kubernetes/base/network-policies.yaml").unlink()
    done = build(tmp_path / "kubernetes/overlays/site")
    assert done.returncode != 0
    assert "network-policies.yaml" in done.stderr
