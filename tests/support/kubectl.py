"""kubectl, which builds kustomizations without a cluster: that of the machine, or Debian 13's."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from tests.support.images import CACHE, debian

_MEMBER: Final = "./usr/bin/kubectl"
_KUSTOMIZE: Final = 5
"""The first major version of kustomize that each supported kubectl has (1.27 and newer)."""


def kubectl() -> Path:
    """The program; what Debian 12 has knows no `replicas` in a kustomization."""
    found = shutil.which("kubectl")
    if found is not None and _kustomize(found) >= _KUSTOMIZE:
        return Path(found)
    archive = debian("trixie", "--variant=extract", include=("kubernetes-client",))
    target = CACHE / "kubectl"
    if not target.exists() or target.stat().st_mtime < archive.stat().st_mtime:
        with tarfile.open(archive) as opened, tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            member = opened.extractfile(_MEMBER)
            assert member is not None
            made = Path(scratch) / "kubectl"
            with made.open("wb") as file:
                shutil.copyfileobj(member, file)
            made.chmod(0o755)
            made.rename(target)
    return target


def _kustomize(program: str) -> int:
    command = [program, "version", "--client", "--output=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    version = json.loads(done.stdout).get("kustomizeVersion", "v0") if done.returncode == 0 else "v0"
    return int(version.removeprefix("v").partition(".")[0])


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """What `kubectl apply -k FOLDER` would apply."""
    return subprocess.run([kubectl(), "kustomize", folder], capture_output=True, text=True, check=False)
