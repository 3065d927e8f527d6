"""Everything of a release, in one folder: wheel, sources, constraints, bills of materials, checksums (`make dist`).

Usage: python scripts/dist.py [FOLDER]; without it, dist

The same commit gives the same bytes: times are those of the commit, or of SOURCE_DATE_EPOCH
(https://reproducible-builds.org/specs/source-date-epoch/). The bills are CycloneDX JSON, each checked against the
schema of its version (scripts/bills.py).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from orthancgen.errors import OrthancgenError
from scripts.bills import NPM, ROOT, npm_bill, python_bill, run

CONSTRAINTS: Final = ROOT / "constraints.txt"
ANALYSIS: Final = ROOT / "stack" / "analysis"
SUMS: Final = "SHA256SUMS"


def epoch() -> str:
    """Seconds since 1970 that stand for the time of the build: SOURCE_DATE_EPOCH, else the time of the commit."""
    said = os.environ.get("SOURCE_DATE_EPOCH")
    if said:
        return said
    command = ["git", "log", "-1", "--format=%ct"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def build(folder: Path, *, root: Path = ROOT, time: str | None = None) -> tuple[Path, Path]:
    """Build wheel and sources into a folder that has none.

    Args:
        folder: where they are written.
        root: the checkout, or unpacked sources.
        time: seconds since 1970 for every file in them.

    Returns:
        The wheel, and the archive of the sources.
    """
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", str(folder)]
    environment = os.environ | {"SOURCE_DATE_EPOCH": time or epoch()}
    run(command, cwd=root, env=environment)
    (wheel,), (sources,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sources


_UV: Final = (sys.executable, "-m", "uv", "--quiet", "--no-config")
_INSTALL: Final = ("pip", "install", "--link-mode=copy")
"""Copies, not links: nothing that happens to one environment reaches another."""


def install(wheel: Path, folder: Path, constraints: Path = CONSTRAINTS) -> Path:
    """Install a wheel, or a folder of sources, into a new virtual environment of its own; the Python of that."""
    python = folder / "bin" / "python"
    run([*_UV, "venv", "--python", sys.executable, str(folder)])
    run([*_UV, *_INSTALL, "--constraints", str(constraints), "--python", str(python), str(wheel)])
    return python


def install_into(folder: Path, wheel: Path, *, python: str, platform: str) -> None:
    """Install a wheel with the constraints into a plain folder, for another Python and another machine.

    Args:
        folder: where its packages are written.
        wheel: of orthancgen.
        python: version, such as 3.13.
        platform: as uv names it, such as x86_64-manylinux_2_28.
    """
    where = ["--target", str(folder), "--python-version", python, "--python-platform", platform]
    run([*_UV, *_INSTALL, "--constraints", str(CONSTRAINTS), *where, "--only-binary", ":all:", str(wheel)])


def copied(sources: Path, folder: Path) -> Path:
    """A copy of a program's sources, which a build may write into."""
    ignored = shutil.ignore_patterns(".venv", "__pycache__", ".*_cache")
    return Path(shutil.copytree(sources, folder / sources.name, ignore=ignored))


def sums(folder: Path) -> str:
    """What `sha256sum --check` reads, of every other file of a folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def main() -> int:
    """Write the folder anew."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve()
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SUMS).is_file():
        raise OrthancgenError(f"{folder} holds something else", hint="name a new folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wheel, _ = build(folder)
    (folder / ".gitignore").unlink(missing_ok=True)
    shutil.copy(CONSTRAINTS, folder)
    with tempfile.TemporaryDirectory() as temporary:
        python = install(wheel, Path(temporary) / "venv")
        (folder / "sbom-python.cdx.json").write_text(python_bill(python, ROOT), encoding="utf-8")
        python = install(copied(ANALYSIS, Path(temporary)), Path(temporary) / "other", ANALYSIS / "constraints.txt")
        (folder / "sbom-analysis.cdx.json").write_text(python_bill(python, ANALYSIS), encoding="utf-8")
    for name in NPM:
        (folder / f"sbom-{name}.cdx.json").write_text(npm_bill(name), encoding="utf-8")
    (folder / SUMS).write_text(sums(folder), encoding="utf-8")
    print((folder / SUMS).read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
