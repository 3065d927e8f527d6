"""Docker's own reader of stacks accepts what is rendered, with the secrets that `orthancgen secrets place` writes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from orthancgen.plan.model import Plan
from orthancgen.render.catalogue import render
from orthancgen.render.write import write
from orthancgen.runtimes.placed import place_files
from orthancgen.secrets.value import SecretValue
from tests.support.scaled import IN_POSTGRESQL, PLAIN, SMALL, WHOLE, swarm
from tests.support.servers import require_program


def read(plan: Plan, folder: Path) -> subprocess.CompletedProcess[str]:
    write(render(plan), folder)
    command = [require_program("docker", "apt-get install docker.io"), "stack", "config", "-c", "stack.yaml"]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder / "swarm",
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "ORTHANCGEN_SECRETS": str(folder / "secrets")},
    )  # fmt: skip


@pytest.mark.parametrize("changes", [WHOLE, SMALL, IN_POSTGRESQL, PLAIN], ids=["whole", "small", "pg", "plain"])
def test_docker_reads_it_and_finds_every_file(changes: dict[str, Any], tmp_path: Path) -> None:
    plan = swarm(changes)
    placed = place_files(
        plan, {one.name: SecretValue(f"value-of-{one.name}") for one in plan.secrets}, tmp_path / "secrets"
    )
    done = read(plan, tmp_path)
    assert done.returncode == 0, done.stderr
    stack = yaml.safe_load(done.stdout)
    assert {one["file"] for one in stack["secrets"].values()} == {str(path) for path in placed}
    assert all(Path(one["file"]).is_file() for kind in ("secrets", "configs") for one in stack[kind].values())
    assert "value-of-" not in done.stdout
    assert {oct(path.stat().st_mode & 0o777) for path in placed} == {"0o600"}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_what_docker_does_not_know_would_be_refused(tmp_path: Path) -> None:
    plan = swarm(SMALL)
    write(render(plan), tmp_path)
    stack = tmp_path / "swarm/stack.yaml"
    broken = yaml.safe_load(stack.read_text())
    broken["services"]["orthanc"]["deploy"]["replicaz"] = 1
    stack.write_text(yaml.safe_dump(broken))
    command = [require_program("docker"), "stack", "config", "-c", str(stack)]
    assert subprocess.run(command, capture_output=True).returncode != 0
