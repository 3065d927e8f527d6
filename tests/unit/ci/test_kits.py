"""The files of CI are made of plain names, are mappings as their services read them, and ask for no right too many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from orthancgen import __version__
from orthancgen.ci.environments import environments_in, plain_names
from orthancgen.ci.kits import HOOKS, KITS, FailOn, build, fail_on
from orthancgen.errors import InputError
from orthancgen.resources import locate
from orthancgen.site.model import Kind

NAMES: dict[str, FailOn] = {"dev": "critical", "prod": "high"}


def built(service: str, names: dict[str, FailOn] | None = None) -> Any:
    return yaml.safe_load(build(KITS[service], names or NAMES, ["prod"]))


def test_environments_are_the_files_that_are_no_base_and_no_lock(tmp_path: Path) -> None:
    for name in ("base.yaml", "prod.yaml", "dev.yaml", "prod.lock.yaml", "schema.json", "x.yml"):
        (tmp_path / name).touch()
    assert environments_in(tmp_path) == ["dev", "prod"]
    assert environments_in(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "name", ["a b", "-x", "a;b", "$(id)", "${{ x }}", "a\nb", "ü", "", "a/b", "x" * 101, "a'b", "_x"]
)
def test_a_name_that_would_need_quotes_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="no name for CI"):
        plain_names(["dev", name])
    for kit in (*KITS.values(), HOOKS):
        with pytest.raises(InputError, match="no name for CI"):
            build(kit, {"dev": "high", name: "high"}, ["dev", name])


@pytest.mark.parametrize("name", ["on", "null", "123", "1e3", "yes", "a-b_c", "0x1"])
def test_a_name_stays_a_text(name: str) -> None:
    jobs = built("github", {name: "high"})["jobs"]
    assert jobs["render"]["strategy"]["matrix"]["environment"] == [name]
    assert jobs["audit"]["strategy"]["matrix"] == {"include": [{"environment": name, "fail-on": "high"}]}
    assert jobs["validate"]["steps"][-1]["env"]["KNOWN"] == name
    gitlab = built("gitlab", {name: "high"})
    assert gitlab[".environments"]["parallel"]["matrix"] == [{"ENVIRONMENT": name, "FAIL_ON": "high"}]
    assert gitlab["validate"]["variables"]["KNOWN"] == name


def test_the_workflow_of_github_has_the_rights_that_it_needs() -> None:
    workflow = built("github")
    assert workflow["permissions"] == {"contents": "read"}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job} == {
        "audit": {"contents": "read", "actions": "read", "security-events": "write"}
    }
    assert workflow["concurrency"]["cancel-in-progress"] is True
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 4
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
    assert all(job["timeout-minutes"] for job in workflow["jobs"].values())


def test_no_expression_of_github_stands_in_a_script() -> None:
    """What others choose reaches a script as a variable: docs.github.com/actions/reference/security/secure-use."""
    for job in built("github")["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
            assert "github.event" not in str(step.get("env", "")) or step["env"] == {
                "BASE": "${{ github.event.pull_request.base.sha }}"
            }


@pytest.mark.parametrize("service", KITS)
def test_orthancgen_is_installed_at_this_version(service: str) -> None:
    document = built(service)
    variables = document["env"] if service == "github" else document["variables"]
    assert variables["ORTHANCGEN"] == f"./wheels/orthancgen-{__version__}-py3-none-any.whl"


@pytest.mark.parametrize("service", KITS)
def test_every_check_is_made(service: str) -> None:
    text = build(KITS[service], NAMES, [])
    for command in ("validate", 'render "$ENVIRONMENT"', 'audit "$ENVIRONMENT"', "secrets scan --all", "scan --since"):
        assert f"orthancgen {command}" in text or f"secrets {command}" in text


def test_development_may_be_open_and_nothing_else() -> None:
    kinds: tuple[Kind | None, ...] = ("development", "staging", "production", None)
    assert [fail_on(kind) for kind in kinds] == ["critical", "high", "high", "high"]
    assert {
        one["environment"]: one["fail-on"] for one in built("github")["jobs"]["audit"]["strategy"]["matrix"]["include"]
    } == NAMES


def test_hooks_compare_the_bundles_that_are_committed() -> None:
    (repository,) = yaml.safe_load(build(HOOKS, NAMES, ["prod"]))["repos"]
    assert {hook["id"]: hook["entry"] for hook in repository["hooks"]} == {
        "orthancgen-validate": "orthancgen validate",
        "orthancgen-render-check-prod": "orthancgen render prod -o bundles/prod --check",
        "orthancgen-secrets-scan": "orthancgen secrets scan",
    }
    assert all(hook["language"] == "system" for hook in repository["hooks"])


def test_each_template_belongs_to_one_kit() -> None:
    templates = {f"ci/{path.name.removesuffix('.j2')}" for path in (locate("templates") / "ci").iterdir()}
    assert templates == {kit.template for kit in (*KITS.values(), HOOKS)}
