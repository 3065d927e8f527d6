"""The programs for Node.js, each built once for each state of its sources: ``apps/backend-HASH/server.mjs``."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, Literal

from orthancgen.errors import DeployError
from orthancgen.resources import locate
from orthancgen.runtimes.native.programs import Programs
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.state import State

AppName = Literal["backend", "viewer"]
APPS: Final[tuple[AppName, ...]] = ("backend", "viewer")
_SOURCES: Final = frozenset(
    {
        *("src", "server", "app", "package.json", "package-lock.json", "tsconfig.json", ".npmrc"),
        *("build.mjs", "ohif.mjs", "vite.config.ts"),
    }
)
"""What a build reads at the top of a program's folder. A checkout has more than a wheel; both build the same."""
_IGNORED: Final = frozenset({"node_modules", "dist", "tests", "coverage"})
_BUILD_SECONDS: Final = 600


def ensure_built(name: AppName, programs: Programs, state: State, report: Report, hidden: Collection[str] = ()) -> Path:
    """The folder of a built program; builds it with npm where these sources were not built yet.

    Args:
        name: of the program: its sources are `stack/NAME`.
        programs: Node.js and npm.
        state: where built applications are kept.
        report: told about the build.
        hidden: environment variables that npm and its scripts do not see, because they hold secrets.

    Raises:
        DeployError: npm failed; says what it printed last.
        OSError: as the file system says.
    """
    source, target = locate(f"stack/{name}"), place(name, state)
    step = f"{name} program"
    report.started(step)
    if (target / "server.mjs").is_file():
        report.done(step, "unchanged")
        return target
    with tempfile.TemporaryDirectory(prefix=f"{name}-build-", dir=state.apps) as scratch:
        work = Path(scratch) / name
        shutil.copytree(source, work, ignore=lambda folder, names: _left_out(source, Path(folder), names))
        _npm(programs, work, hidden, "ci", "--no-audit", "--no-fund", "--ignore-scripts=false")
        _npm(programs, work, hidden, "run", "build")
        try:
            (work / "dist").rename(target)
        except OSError as error:
            if not (target / "server.mjs").is_file():  # another deploy may have been faster
                raise DeployError(f"cannot place the {name} in {target}: {error.strerror}") from None
    report.done(step, "built")
    return target


def place(name: AppName, state: State) -> Path:
    """The folder of a program that is built of these sources, whether it is there or not."""
    return state.apps / f"{name}-{fingerprint(locate(f'stack/{name}'))}"


def _files(source: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(source):
        left_out = _left_out(source, Path(folder), [*folders, *names])
        folders[:] = sorted(set(folders) - left_out)
        yield from (Path(folder) / name for name in sorted(set(names) - left_out))


def _left_out(source: Path, folder: Path, names: Collection[str]) -> set[str]:
    """Of the names in a folder, those that are no part of a build."""
    return set(names) - _SOURCES if folder == source else set(_IGNORED.intersection(names))


def fingerprint(source: Path) -> str:
    """A digest of the sources that a build reads."""
    digest = hashlib.sha256()
    for path in _files(source):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(source)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _npm(programs: Programs, folder: Path, hidden: Collection[str], *arguments: str) -> None:
    node_folder = str(programs.node.parent) if programs.node else ""
    environment = {name: text for name, text in os.environ.items() if name not in hidden}
    environment["PATH"] = os.pathsep.join((node_folder, os.environ.get("PATH", os.defpath)))
    # A session of its own: what npm starts is ended with it.
    with subprocess.Popen(
        [*programs.npm, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        try:
            printed, _ = process.communicate(timeout=_BUILD_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                message = f"npm {arguments[0]} of the {folder.name} did not end within {_BUILD_SECONDS} seconds"
                raise DeployError(message, hint="does npm reach its registry from this host?") from None
            raise
    if process.returncode != 0:
        last = "\n  ".join(printed.strip().splitlines()[-12:])
        full = "ENOSPC" in printed or "No space left" in printed
        raise DeployError(
            f"npm {arguments[0]} of the {folder.name} failed:\n  {last}",
            hint="make room on the disk of the state folder" if full else "does npm reach its registry from this host?",
        )
