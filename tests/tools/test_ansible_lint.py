"""The collection for Ansible passes its linter with the strictest profile, and documents what it takes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from orthancgen.runtimes.compose.command import OLDEST_COMPOSE
from orthancgen.runtimes.compose.endpoint import OLDEST_ENGINE
from tests.support.tool_environments import ansible_folder

COLLECTION = Path(__file__).parents[2] / "ansible"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The collection where Ansible looks for collections."""
    folder = tmp_path / "ansible_collections" / "orthancgen"
    folder.mkdir(parents=True)
    (folder / "site").symlink_to(COLLECTION)
    return {
        "PATH": f"{ansible_folder()}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
    }


def test_the_linter_finds_nothing(environ: dict[str, str]) -> None:
    done = subprocess.run(["ansible-lint"], cwd=COLLECTION, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Profile 'production' was required, and it passed" in done.stderr


def test_ansible_shows_the_documentation_of_the_modules_and_the_role(environ: dict[str, str]) -> None:
    documented = [("module", "environment"), ("module", "verify_timer"), ("role", "orthancgen")]
    for kind, name in ((kind, f"orthancgen.site.{name}") for kind, name in documented):
        command = ["ansible-doc", "--json", "-t", kind, name]
        done = subprocess.run(command, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert name in json.loads(done.stdout)


def test_each_default_of_the_role_is_described_with_its_value() -> None:
    role = COLLECTION / "roles" / "orthancgen"
    defaults = yaml.safe_load((role / "defaults" / "main.yml").read_text())
    options = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    described = {name: option["default"] for name, option in options.items() if "default" in option}
    assert described == defaults


def test_the_role_wants_the_engine_that_orthancgen_uses() -> None:
    variables = yaml.safe_load((COLLECTION / "roles" / "orthancgen" / "vars" / "main.yml").read_text())
    compose = ".".join(map(str, OLDEST_COMPOSE))
    assert variables["orthancgen_oldest"] == {"engine": OLDEST_ENGINE, "compose": compose}
    assert {"Debian", "RedHat"} <= set(variables["orthancgen_engine_hints"])
