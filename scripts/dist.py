"""Everything of a release, in one folder: wheel, sources, constraints, bills of materials, checksums (`make dist`).

Usage: python scripts/dist.py [FOLDER]; without it, dist

The same commit gives the same bytes: times are those of the commit, or of SOURCE_DATE_EPOCH
(https://reproducible-builds.org/specs/source-date-epoch/). The bills are CycloneDX JSON, each checked against the
schema of its version; what differs from run to run (serial number, time) is left out of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from orthancgen import __version__
from orthancgen.errors import OrthancgenError
from orthancgen.runtimes.native.programs import find_node

ROOT: Final = Path(__file__).resolve().parent.parent
CONSTRAINTS: Final = ROOT / "constraints.txt"
SUMS: Final = "SHA256SUMS"
NPM: Final = ("backend", "viewer")
"""Folders of stack/ that are built with npm."""


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
    _run(command, cwd=root, env=environment)
    (wheel,), (sources,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return wheel, sources


_UV: Final = (sys.executable, "-m", "uv", "--quiet", "--no-config")
_INSTALL: Final = ("pip", "install", "--link-mode=copy", "--constraints", str(CONSTRAINTS))
"""Copies, not links: nothing that happens to one environment reaches another."""


def install(wheel: Path, folder: Path) -> Path:
    """Install a wheel with the constraints into a new virtual environment of its own; the Python of that."""
    python = folder / "bin" / "python"
    _run([*_UV, "venv", "--python", sys.executable, str(folder)])
    _run([*_UV, *_INSTALL, "--python", str(python), str(wheel)])
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
    _run([*_UV, *_INSTALL, *where, "--only-binary", ":all:", str(wheel)])


def python_bill(python: Path) -> str:
    """The bill of the Python packages of an environment into which the wheel was installed."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", str(python), "--pyproject"]
    command += [str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON", "--sv", "1.6"]
    document = json.loads(_run(command))
    document["metadata"]["component"]["version"] = __version__
    return checked(document, SchemaVersion.V1_6)


def npm_bill(name: str) -> str:
    """The bill of the npm packages that a program of stack/ ships, as its lock file has them.

    Raises:
        OrthancgenError: there is no Node.js.
    """
    node, npm = find_node()
    if node is None:
        raise OrthancgenError("no Node.js", hint="scripts/setup.sh dev")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / f"orthancgen-{name}"  # npm names the component as the folder
        folder.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / "stack" / name / file, folder)
        path = os.pathsep.join((str(node.parent), os.environ.get("PATH", os.defpath)))
        arguments = ["sbom", "--sbom-format=cyclonedx", "--package-lock-only", "--omit=dev", "--offline"]
        document = json.loads(_run([*npm, *arguments], cwd=folder, env=os.environ | {"PATH": path}))
    del document["serialNumber"], document["metadata"]["timestamp"]
    if name == "viewer":
        document["components"].append(_ohif())
    return checked(document, SchemaVersion.V1_5)


def _ohif() -> dict[str, Any]:
    """OHIF's published build, which the viewer's build brings apart from its lock file (stack/viewer/ohif.mjs).

    Raises:
        LookupError: that file no longer says which one, as it did.
    """
    text = (ROOT / "stack/viewer/ohif.mjs").read_text(encoding="utf-8")
    package = re.search(r"PACKAGE = '(@ohif/app)@([\d.]+)'", text)
    digest = re.search(r"INTEGRITY = 'sha512-([A-Za-z0-9+/=]+)'", text)
    if package is None or digest is None:
        raise LookupError("stack/viewer/ohif.mjs: PACKAGE, INTEGRITY")
    name, version = package.groups()
    return {
        "type": "library",
        "bom-ref": f"{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:npm/{name.replace('@', '%40')}@{version}",
        "hashes": [{"alg": "SHA-512", "content": base64.b64decode(digest.group(1)).hex()}],
        "licenses": [{"license": {"id": "MIT"}}],
    }


def checked(document: dict[str, Any], version: SchemaVersion) -> str:
    """The text of a bill, which its schema accepts.

    Raises:
        ValueError: the schema refuses it.
    """
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    wrong = JsonStrictValidator(version).validate_str(text)
    if wrong is not None:
        raise ValueError(f"not CycloneDX {version.to_version()}: {wrong}")
    return text


def sums(folder: Path) -> str:
    """What `sha256sum --check` reads, of every other file of a folder."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def _run(command: list[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip()[-2000:]
        raise OrthancgenError(f"{' '.join(command[:4])} ... ended with {done.returncode}: {said}")
    return done.stdout


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
        (folder / "sbom-python.cdx.json").write_text(python_bill(python), encoding="utf-8")
    for name in NPM:
        (folder / f"sbom-{name}.cdx.json").write_text(npm_bill(name), encoding="utf-8")
    (folder / SUMS).write_text(sums(folder), encoding="utf-8")
    print((folder / SUMS).read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
