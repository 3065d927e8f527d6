"""How long does `audit` take a file? Against checkov on the same compose files, each as one whole process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Result, Size, Target, alternate, ratio
from tests.support.audit_samples import BASE
from tests.support.tool_environments import checkov_python

COUNT = 1000
QUICK_COUNT = 3
RATIO = Target("at most", 0.1)
_OURS = "audit, ms a file"
_THEIRS = "checkov, ms a file"


def measure(size: Size, folder: Path) -> Result:
    """Audit a folder of set-ups, each a compose file in a folder of its own, and have checkov look at the same."""
    count = size.of(COUNT, QUICK_COUNT)
    set_ups = _write(folder / "set-ups", count)
    checkov = checkov_python()
    ours = [sys.executable, "-m", "orthancgen", "audit", str(set_ups), "--format", "json", "--fail-on", "never"]
    # Everything that checkov knows and can do without asking anybody.
    theirs = [
        str(checkov), "-m", "checkov.main", "-d", str(set_ups), "--quiet", "--compact", "--skip-download",
        "--soft-fail", "-o", "json",
    ]  # fmt: skip
    measured = alternate(
        size.rounds,
        lambda: {_OURS: _milliseconds(ours, folder) / count},
        lambda: {_THEIRS: _milliseconds(theirs, folder) / count},
    )
    return Result(
        "audit",
        f"{count} compose files of an Orthanc with backend, database and proxy, each in a folder of its own; one "
        "process for all of them",
        (ratio("audit / checkov, time a file", measured, _OURS, _THEIRS, RATIO),),
        (
            "checkov has no rules for compose files as such: it looks for secrets, and for what else it recognises.",
            "The time is that of the whole process, the start of Python included.",
        ),
        not size.quick,
    )


def _milliseconds(command: Sequence[str], folder: Path) -> float:
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    seconds = time.perf_counter() - began
    assert done.returncode in {0, 1}, done.stderr[-2000:]
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    return 1000 * seconds


def _write(folder: Path, count: int) -> Path:
    text = (BASE / "docker-compose.yml").read_text(encoding="utf-8")
    for number in range(count):
        one = folder / f"site{number:04}"
        one.mkdir(parents=True)
        (one / "docker-compose.yml").write_text(text.replace("name: archive", f"name: archive{number}"))
    return folder
