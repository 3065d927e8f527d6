"""Linters that need a Python environment of their own, made once for each list of requirements and kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.support.images import CACHE, alone

TOOLS: Final = Path(__file__).parents[1] / "tools"


def checkov_python() -> Path:
    """The Python that has checkov and cfn-lint."""
    return tool_python("cloud_linters")


def kubernetes_python() -> Path:
    """The Python that has kubernetes-validate."""
    return tool_python("kubernetes_linters")


def ansible_folder() -> Path:
    """The folder with the commands ansible-playbook, ansible-vault and ansible-lint."""
    return tool_python("ansible").parent


def tool_python(tool: str) -> Path:
    """The Python that has what `tests/tools/TOOL/requirements.txt` lists."""
    requirements = TOOLS / tool / "requirements.txt"
    name = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    prefix = tool.replace("_", "-")
    folder = CACHE / f"{prefix}-{name}"
    if not (folder / "ready").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Made where it stays: programs of a virtual environment name their own Python.
        with alone(CACHE / f"{prefix}.lock"):
            if not (folder / "ready").exists():
                _make(folder, requirements)
    return folder / "bin" / "python"


def _make(folder: Path, requirements: Path) -> None:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-deps", "-r", str(requirements)]
    for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], install):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    (folder / "ready").touch()
