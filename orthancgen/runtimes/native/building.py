"""Run a program that builds: bounded in time, ended with everything it started, its last lines told where it fails."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError

_BUILD_SECONDS: Final = 600
_LAST_LINES: Final = 12


def run_builder(what: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], hint: str) -> None:
    """Run it to its end.

    Args:
        what: it does, such as `npm ci of the backend`.
        command: the argument list.
        folder: where it runs.
        environment: its whole environment.
        hint: what to look for where it fails or does not end.

    Raises:
        DeployError: it failed, or did not end in time; with what it printed last.
        OSError: it cannot be started.
    """
    # A session of its own: what it starts is ended with it.
    with subprocess.Popen(
        command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        try:
            printed, _ = process.communicate(timeout=_BUILD_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise DeployError(f"{what} did not end within {_BUILD_SECONDS} seconds", hint=hint) from None
            raise
    if process.returncode != 0:
        last = "\n  ".join(printed.strip().splitlines()[-_LAST_LINES:])
        full = "ENOSPC" in printed or "No space left" in printed
        raise DeployError(
            f"{what} failed:\n  {last}", hint="make room on the disk of the state folder" if full else hint
        )
