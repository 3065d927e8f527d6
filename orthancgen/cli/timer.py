"""Install what is done by the clock: what ``backup`` and ``verify`` share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from orthancgen.cli.output import console
from orthancgen.errors import DeployError
from orthancgen.runtimes.timer import UNIT_FOLDER, Job, cron_line, units


def own_program() -> str:
    """The path by which a timer starts orthancgen: as it was started now, whatever the search path holds besides."""
    own = Path(sys.argv[0]).absolute()
    if own.name == "orthancgen" and own.is_file():
        return str(own)
    return shutil.which("orthancgen") or str(own)


def install(job: Job, state_root: Path, schedule: str, output: Path | None) -> None:
    """Write the units and start the timer; with `output`, write them there; without systemd, print a line of cron.

    Raises:
        DeployError: they cannot be written, or systemd refuses them.
        InputError: cron cannot express the schedule.
        RenderError: a path has a character that a unit cannot carry.
    """
    variables = {key: os.environ[key] for key in ("DOCKER_HOST", "DOCKER_CONTEXT") if os.environ.get(key)}
    rendered = units(job, state_root, schedule, variables)
    if output is None and not Path("/run/systemd/system").is_dir():
        console(err=True).print("This host has no systemd. A line for root's crontab (crontab -e):", soft_wrap=True)
        console().print(cron_line(job, schedule), soft_wrap=True)
        return
    folder = output or UNIT_FOLDER
    try:
        for needed in (folder, *(job.makes if output is None else ())):
            needed.mkdir(parents=True, exist_ok=True)
        for one, text in rendered.items():
            (folder / one).write_text(text, encoding="utf-8")
    except OSError as error:
        raise DeployError(
            f"cannot write {error.filename or folder}: {error.strerror}",
            hint="run as root, or name a folder with --unit-folder",
        ) from None
    console().print(f"{', '.join(rendered)} written to {folder}", soft_wrap=True)
    if output is None:
        for command in (["daemon-reload"], ["enable", "--now", f"{job.unit}.timer"]):
            done = subprocess.run(["systemctl", *command], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise DeployError(f"systemctl {command[0]} failed: {done.stderr.strip()}")
        console().print(f"systemctl list-timers {job.unit}.timer shows when it runs next", soft_wrap=True)
