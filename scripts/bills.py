"""Bills of materials: what a program, or an image, consists of, as CycloneDX JSON (https://cyclonedx.org/docs/1.6/json/).

Each is checked against the schema of its version; what differs from run to run (serial number, time) is left out.
"""

from __future__ import annotations

import base64
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
NPM: Final = ("backend", "viewer")
"""Folders of stack/ that are built with npm."""


def python_bill(python: Path, sources: Path) -> str:
    """The bill of the Python packages of an environment.

    Args:
        python: of the environment into which a program was installed.
        sources: the folder with its `pyproject.toml`.
    """
    command = [sys.executable, "-m", "cyclonedx_py", "environment", str(python), "--pyproject"]
    command += [str(sources / "pyproject.toml"), "--output-reproducible", "--of", "JSON", "--sv", "1.6"]
    command += ["--no-validate"]  # that is done below, once: it takes ten seconds
    document = json.loads(run(command))
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
        document = json.loads(run([*npm, *arguments], cwd=folder, env=os.environ | {"PATH": path}))
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


def run(command: list[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end; what it printed.

    Raises:
        OrthancgenError: it failed; with the end of what it said.
    """
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip()[-2000:]
        raise OrthancgenError(f"{' '.join(command[:4])} ... ended with {done.returncode}: {said}")
    return done.stdout
