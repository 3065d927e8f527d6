"""The functions for programs: they do what the commands do, and what their documentation shows."""

from __future__ import annotations

import doctest
import inspect
import shutil
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

import orthancgen
from orthancgen import api
from orthancgen.audit.output.json import as_json
from orthancgen.errors import DeployError, InputError
from orthancgen.resources import locate

FUNCTIONS = ("load", "plan", "render", "audit", "verify")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(locate("environments"), tmp_path / "environments")
    return tmp_path


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "orthancgen", *arguments], capture_output=True, text=True, check=False)


def test_the_examples_of_the_documentation_hold() -> None:
    done = doctest.testmod(api)
    assert done.attempted > 15
    assert done.failed == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_is_a_function_of_the_package_with_its_documentation(name: str) -> None:
    function = getattr(api, name)
    assert inspect.signature(getattr(orthancgen, name)) == inspect.signature(function)
    assert "Raises:" in function.__doc__ or name == "plan"


def test_they_are_seen_before_they_are_used() -> None:
    code = "import orthancgen; print(*dir(orthancgen)); from orthancgen import *; print(load, verify)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*FUNCTIONS, "__version__"} <= {*done.stdout.splitlines()[0].split()}


def test_a_package_stays_a_package_and_a_function() -> None:
    code = (
        "import sys, orthancgen\n"
        "assert not [m for m in sys.modules if m.startswith('orthancgen.') and m != 'orthancgen.callables']\n"
        "assert not {'pydantic', 'yaml', 'click', 'inspect'} & set(sys.modules)\n"
        "first = orthancgen.plan(orthancgen.load('prod'))\n"
        "import orthancgen.plan.model as model\n"
        "assert isinstance(first, orthancgen.plan.model.Plan) and orthancgen.plan.model is model\n"
        "from orthancgen import plan, render, load\n"
        "assert render(plan(load('prod'))) == orthancgen.render(first)\n"
        "assert not hasattr(orthancgen, 'deploy')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_renders_what_the_command_renders(folder: Path) -> None:
    assert run_command("render", "prod", "-o", "out").returncode == 0
    bundle = orthancgen.render(orthancgen.plan(orthancgen.load("prod")))
    written = {str(path.relative_to(folder / "out")): path.read_bytes() for path in (folder / "out").rglob("*.*")}
    assert written == {file.path: file.content for file in bundle.files}


def test_it_finds_what_the_command_finds() -> None:
    report = orthancgen.audit("staging")
    printed = run_command("audit", "staging", "--format", "json", "--fail-on", "never").stdout
    assert as_json([report]) == printed
    assert report.findings


def test_other_files_are_one_set_up(folder: Path) -> None:
    (folder / "orthanc.json").write_text('{"RemoteAccessAllowed": true, "AuthenticationEnabled": false}')
    report = orthancgen.audit(folder / "orthanc.json", version="1.12.7")
    assert "anonymous-rest-access" in {one.rule.id for one in report.findings}
    with pytest.raises(InputError, match="2 set-ups were named"):
        orthancgen.audit("prod", folder / "orthanc.json")
    with pytest.raises(InputError, match="0 set-ups"):
        orthancgen.audit()


def test_what_is_wrong_is_an_error_with_every_problem(folder: Path) -> None:
    (folder / "bad.yaml").write_text("environment: bad\nkind: nothing\ndicom: {port: 99999}\n")
    with pytest.raises(InputError) as caught:
        orthancgen.load(folder / "bad.yaml")
    assert len(caught.value.problems) == 5
    with pytest.raises(InputError, match="no audit rule no-bakup") as caught:
        orthancgen.audit("prod", rules=["no-bakup"])
    assert caught.value.hint == "did you mean no-backup?"
    with pytest.raises(InputError, match="no version of Orthanc"):
        orthancgen.audit("prod", version="new\x1b[1m")


def test_values_are_frozen() -> None:
    environment = orthancgen.load("prod")
    with pytest.raises(FrozenInstanceError):
        environment.version = None  # type: ignore[misc]


def test_what_was_not_deployed_is_not_proven(folder: Path) -> None:
    with pytest.raises(DeployError, match="not deployed"):
        orthancgen.verify("dev", state=folder)
