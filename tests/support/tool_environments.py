"""Linters that need a Python environment of their own, made once for each list of requirements and kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.support.images import CACHE

CLOUD_LINTERS: Final = Path(__file__).parents[1] / "tools" / "cloud_linters" / "requirements.txt"


KUBERNETES_LINTERS: Final = Path(__file__).parents[1] / "tools" / "kubernetes_linters" / "requirements.txt"


def checkov_python() -> Path:
    """The Python that has checkov and cfn-lint."""
    return _python("cloud-linters", CLOUD_LINTERS)


def kubernetes_python() -> Path:
    """The Python that has kubernetes-validate."""
    return _python("kubernetes-linters", KUBERNETES_LINTERS)


def _python(kind: str, requirements: Path) -> Path:
    name = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = CACHE / f"{kind}-{name}"
    if not (folder / "ready").exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE, prefix=f"{kind}-new-") as made:
            new = Path(made) / "venv"
            pip = [str(new / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
            install = [*pip, "install", "--quiet", "--no-deps", "-r", str(requirements)]
            for command in ([sys.executable, "-m", "venv", str(new)], install):
                done = subprocess.run(command, capture_output=True, text=True)
                assert done.returncode == 0, done.stderr[-2000:]
            (new / "ready").touch()
            with suppress(OSError):  # another run was faster
                new.rename(folder)
    return folder / "bin" / "python"
