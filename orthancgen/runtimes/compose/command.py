"""Docker Compose as a command: which one there is, and how it is run."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from orthancgen.errors import ComposeMissingError, DeployError, EngineTooOldError
from orthancgen.runtimes.interrupts import held
from orthancgen.runtimes.native.environ import inherited

OLDEST_COMPOSE: Final = (2, 20)
_INSTALL: Final = "install Docker's package docker-compose-plugin (https://docs.docker.com/compose/install/linux/)"
_SHOWN_LINES: Final = 12
_REACHING: Final = frozenset(
    {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"}
)
_VERSION_SECONDS: Final = 30
_END_SECONDS: Final = 5.0


class ComposeFailed(DeployError):  # noqa: N818  a result of a command, told as it is
    """Docker Compose ended with an error.

    Attributes:
        code: its exit status.
        lines: what it printed last; not in the message of who must redact it first.
    """

    def __init__(self, message: str, *, code: int, lines: tuple[str, ...], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Compose:
    """The command and its version."""

    command: tuple[str, ...]
    version: str


def find_compose(environ: Mapping[str, str] = os.environ) -> Compose:
    """Docker's Compose plugin, or else a docker-compose of its own.

    Raises:
        ComposeMissingError: there is neither.
        EngineTooOldError: it is older than 2.20.
    """
    docker = shutil.which("docker", path=environ.get("PATH"))
    standalone = shutil.which("docker-compose", path=environ.get("PATH"))
    candidates: list[tuple[str, ...]] = [(docker, "compose")] if docker else []
    candidates += [(standalone,)] if standalone else []
    too_old = ""
    for command in candidates:
        version = _version(command, environ)
        if version is None:
            continue
        if _numbers(version) >= OLDEST_COMPOSE:
            return Compose(command, version)
        too_old = too_old or version
    if too_old:
        raise EngineTooOldError(f"Docker Compose {too_old} is too old", hint=f"{_INSTALL}: 2.20 or newer")
    if docker is None:
        raise ComposeMissingError(
            "there is no docker command on this machine",
            hint="install Docker Engine with its command line (https://docs.docker.com/engine/install/)",
        )
    raise ComposeMissingError("the docker command has no Compose", hint=_INSTALL)


def _version(command: Sequence[str], environ: Mapping[str, str]) -> str | None:
    try:
        asked = subprocess.run(
            [*command, "version", "--short"], capture_output=True, text=True, errors="replace", check=False,
            stdin=subprocess.DEVNULL, timeout=_VERSION_SECONDS, env=dict(environ),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+\.\d+[^\s]*", asked.stdout)
    return found.group(0) if asked.returncode == 0 and found else None


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found.group(1)), int(found.group(2))) if found else (0,)


def compose_environment(
    given: Mapping[str, str], docker_host: str | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What Compose sees: how the engine is reached, and nothing that would change which files and services are meant.

    Args:
        given: the variables of the compose file.
        docker_host: the engine, where it was named; None for what the environment says.
        environ: the caller's environment, whose credentials stay with the caller.
    """
    kept = inherited(environ) | {
        name: text for name, text in environ.items() if name.startswith("DOCKER_") or name.upper() in _REACHING
    }
    if docker_host is not None:
        kept = {name: text for name, text in kept.items() if name != "DOCKER_CONTEXT"} | {"DOCKER_HOST": docker_host}
    return kept | dict(given)


def run_compose(
    compose: Compose,
    arguments: Sequence[str],
    *,
    project: str,
    folder: Path,
    files: Sequence[Path],
    environment: Mapping[str, str],
    on_line: Callable[[str], None] | None = None,
    timeout_seconds: float | None = None,
) -> list[str]:
    """Run Compose in a session of its own, which ends with this call whatever happens.

    Args:
        compose: the command.
        arguments: its verb and what follows it.
        project: name of the project.
        folder: what relative paths in the files are relative to.
        files: the compose files.
        environment: everything it sees, see `compose_environment`.
        on_line: told each line of its output as it comes, progress and errors included.
        timeout_seconds: after which it is ended; None waits for ever.

    Returns:
        The lines of its standard output.

    Raises:
        ComposeFailed: it failed, or took too long.
    """
    named = [part for file in files for part in ("--file", str(file))]
    command = [
        *compose.command, "--project-name", project, "--project-directory", str(folder), *named,
        # A file .env beside the compose file would be read: nobody would see why a variable has its value.
        "--env-file", os.devnull, "--ansi", "never", "--progress", "plain", *arguments,
    ]  # fmt: skip
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    with held():
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True, preexec_fn=_end_with_parent,
        )  # fmt: skip
    printed, everything = [], []
    try:
        for from_output, line in _lines(process, deadline):
            everything.append(line)
            if from_output:
                printed.append(line)
            if on_line is not None:
                on_line(line)
        code = process.wait(_left(deadline))
    except BaseException as error:
        _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            raise ComposeFailed(
                f"docker compose {arguments[0]} did not end within {timeout_seconds:g} seconds",
                code=-1, lines=tuple(everything[-_SHOWN_LINES:]), hint="is the engine overloaded? see its log",
            ) from None  # fmt: skip
        raise
    if code != 0:
        last = tuple(everything[-_SHOWN_LINES:])
        raise ComposeFailed(
            f"docker compose {arguments[0]} failed:\n  " + "\n  ".join(last), code=code, lines=last, hint=_hint(last)
        )
    return printed


def _hint(lines: Sequence[str]) -> str:
    said = "\n".join(lines).lower()
    if "port is already allocated" in said or "address already in use" in said:
        return "another program uses the port: end it, or choose another port in the environment"
    if "pool overlaps" in said:
        return "another network has these addresses: choose another containers.subnet"
    if "cannot connect to the docker daemon" in said or "error during connect" in said:
        return "the engine stopped answering: look after it (systemctl status docker), then run the same command again"
    return "the lines above are from Docker Compose and its engine"


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _lines(process: subprocess.Popen[str], deadline: float | None) -> Iterator[tuple[bool, str]]:
    """Lines of both outputs as they come; True for one of the standard output."""
    lines: queue.Queue[tuple[bool, str] | None] = queue.Queue()

    def read(from_output: bool, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                lines.put((from_output, line.rstrip("\r\n")))
        lines.put(None)

    streams = [(True, process.stdout), (False, process.stderr)]
    for from_output, stream in streams:
        threading.Thread(target=read, args=(from_output, stream), daemon=True).start()
    still_open = len(streams)
    while still_open:
        try:
            item = lines.get(timeout=_left(deadline))
        except queue.Empty:
            raise subprocess.TimeoutExpired(process.args, 0) from None
        if item is None:
            still_open -= 1
        else:
            yield item


def _end_with_parent() -> None:
    """SIGTERM for the command when this process is killed: it must not go on beside the run that takes this one back.

    prctl(2), PR_SET_PDEATHSIG; on other systems than Linux nothing.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _end(process: subprocess.Popen[str]) -> None:
    """End the whole session: first asked, so that Compose can let go of what it does, then not."""
    for number, seconds in ((signal.SIGTERM, _END_SECONDS), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        break
