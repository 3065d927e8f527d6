"""The programs of the stack, each built once for each state of its sources: ``apps/backend-HASH/server.mjs``."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from orthancgen.errors import DeployError
from orthancgen.resources import locate
from orthancgen.runtimes.native.building import run_builder
from orthancgen.runtimes.native.programs import Programs
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.state import State

AppName = Literal["backend", "viewer", "analysis"]
NODE_APPS: Final[tuple[AppName, ...]] = ("backend", "viewer")
APPS: Final[tuple[AppName, ...]] = (*NODE_APPS, "analysis")
_IGNORED: Final = frozenset({"node_modules", "dist", "tests", "coverage", "__pycache__"})
_REGISTRY: Final = "does npm reach its registry from this host?"
_INDEX: Final = "does pip reach its package index from this host?"


@dataclass(frozen=True, slots=True)
class _App:
    """How a program is built.

    Attributes:
        parts: the files and folders of its sources that count; all, where none is named.
        main: the file of the built folder that is there last: without it, the folder is no program.
        what: what it says while it is built.
        platform: what else the result depends on.
        build: makes the built folder from a copy of the sources, beside it.
    """

    parts: tuple[str, ...]
    main: str
    what: str
    platform: str
    build: Callable[[str, Programs, Path, Mapping[str, str]], Path]


def _with_npm(name: str, programs: Programs, work: Path, environment: Mapping[str, str]) -> Path:
    node_folder = str(programs.node.parent) if programs.node else ""
    found = {**environment, "PATH": os.pathsep.join((node_folder, environment.get("PATH", os.defpath)))}
    for arguments in (("ci", "--no-audit", "--no-fund", "--ignore-scripts=false"), ("run", "build")):
        run_builder(f"npm {arguments[0]} of the {name}", [*programs.npm, *arguments], work, found, _REGISTRY)
    return work / "dist"


def _with_pip(name: str, programs: Programs, work: Path, environment: Mapping[str, str]) -> Path:
    """A virtual environment with the program and the very versions of its constraints.

    Its Python is called by the folder's name at that time, so that the folder can be renamed (PEP 405).
    """
    made = work.parent / "made"
    # Debian's Python has the module venv, and the programs that it puts pip in with in another package.
    venv = [sys.executable, "-m", "venv", "--without-pip", str(made)]
    run_builder(f"python -m venv of the {name}", venv, work, environment, "apt-get install python3-venv")
    command = [
        *programs.pip, "--python", str(made / "bin/python"), "install", "--no-input", "--disable-pip-version-check",
        "--progress-bar", "off", "--constraint", str(work / "constraints.txt"), str(work),
    ]  # fmt: skip
    run_builder(f"pip install of the {name}", command, work, environment, _INDEX)
    return made


_BUILDS: Final[Mapping[AppName, _App]] = {
    "backend": _App((), "server.mjs", "backend program", "", _with_npm),
    "viewer": _App((), "server.mjs", "viewer program", "", _with_npm),
    "analysis": _App(
        ("pyproject.toml", "constraints.txt", "orthancgen_analysis"), "pyvenv.cfg",
        "analysis program", f"{sys.version_info.major}.{sys.version_info.minor} {sys.base_prefix}", _with_pip,
    ),
}  # fmt: skip


def main_file(name: AppName, app: Path) -> Path:
    """The file of a built folder by which it is told from another build."""
    return app / _BUILDS[name].main


def ensure_built(name: AppName, programs: Programs, state: State, report: Report, hidden: Collection[str] = ()) -> Path:
    """The folder of a built program; builds it with npm or pip where these sources were not built yet.

    Args:
        name: of the program: its sources are `stack/NAME`.
        programs: Node.js and npm, pip.
        state: where built applications are kept.
        report: told about the build.
        hidden: environment variables that the builders and their scripts do not see, because they hold secrets.

    Raises:
        DeployError: npm or pip failed; says what it printed last.
        OSError: as the file system says.
    """
    app, source, target = _BUILDS[name], locate(f"stack/{name}"), place(name, state)
    report.started(app.what)
    if (target / app.main).is_file():
        report.done(app.what, "unchanged")
        return target
    environment = {variable: text for variable, text in os.environ.items() if variable not in hidden}
    with tempfile.TemporaryDirectory(prefix=f"{name}-build-", dir=state.apps) as scratch:
        work = Path(scratch) / name
        work.mkdir()
        for path in _files(source, app.parts):
            copy = work / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        built = app.build(name, programs, work, environment)
        try:
            built.rename(target)
        except OSError as error:
            if not (target / app.main).is_file():  # another deploy may have been faster
                raise DeployError(f"cannot place the {name} in {target}: {error.strerror}") from None
    report.done(app.what, "built")
    return target


def place(name: AppName, state: State) -> Path:
    """The folder of a program that is built of these sources, whether it is there or not."""
    return state.apps / f"{name}-{_fingerprint(locate(f'stack/{name}'), _BUILDS[name])}"


def _files(source: Path, parts: Collection[str]) -> Iterator[Path]:
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(set(folders) - _IGNORED)
        for name in sorted(names):
            path = Path(folder) / name
            if not parts or path.relative_to(source).parts[0] in parts:
                yield path


def _fingerprint(source: Path, app: _App) -> str:
    digest = hashlib.sha256(app.platform.encode())
    for path in _files(source, app.parts):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(source)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
