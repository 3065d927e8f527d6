"""The benchmarks run and give figures; what these say is measured by `make bench` alone."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import require_dcmtk, require_program

pytestmark = pytest.mark.live
ROOT = Path(__file__).resolve().parents[2]
FIGURES = {"send": 1, "growth": 3, "commands": 3, "audit": 1}


@pytest.mark.parametrize("name", FIGURES)
def test_runs_and_gives_figures(name: str, tmp_path: Path) -> None:
    if name == "send":
        require_program("Orthanc")
        require_dcmtk("dcmsend")
    command = [sys.executable, "-m", "bench", "--quick", "-o", str(tmp_path), name]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "results.json").read_text())["results"][name]
    assert not result["full"]
    assert len(result["figures"]) == FIGURES[name]
    for figure in result["figures"]:
        assert figure["values"]
        assert all(math.isfinite(value) for value in figure["values"])
        assert f"| {figure['what']} |" in (tmp_path / "results.md").read_text()
