"""What a run that was killed set going, and nobody has ended yet: Compose itself, and what the engine does for it.

The docker command of some versions hands no signal on to its Compose plugin, which then goes on alone. And an engine
finishes what it was asked for, whoever has left: a container that is being stopped is running still, and ends later.
Who looks at the containers before both are over sees what will not stay so.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psutil

from orthancgen.runtimes.compose.container import PROJECT_LABEL
from orthancgen.runtimes.compose.endpoint import asking
from orthancgen.runtimes.compose.engine import Engine

_END_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 70.0
"""Longer than any container is given to end."""
_LOOK_BACK: Final = timedelta(seconds=_STOP_SECONDS)
_QUIET_SECONDS: Final = 0.5
_PROJECT_DIRECTORY: Final = "--project-directory"
_ENDING: Final = frozenset({"2", "3", "9", "15"})
"""Signals by which an engine ends a container (signal(7)); others, such as SIGHUP, only tell it something."""


def end_commands(folder: Path) -> int:
    """End the Compose commands on files below a folder, plugin and all; how many there were.

    To be called by who holds the lock of that folder: nobody else has a right to run one.
    """
    found = list(_commands(folder))
    for process in found:
        with suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=_END_SECONDS)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=_END_SECONDS)
    return len(found)


def _commands(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        for word, value in itertools.pairwise(words):
            if word == _PROJECT_DIRECTORY and Path(value).is_relative_to(folder):
                yield process


def wait_settled(engine: Engine, project: str) -> None:
    """Wait until the engine has ended what it was asked to do with the containers of a project, for about a minute.

    Raises:
        EngineError: the engine does not answer, or refuses.
    """
    deadline = time.monotonic() + _STOP_SECONDS
    stopping = _stopping(engine, project)
    before: list[tuple[str, str, str]] | None = None
    while time.monotonic() < deadline:
        found = engine.every_container(project)
        busy = any(one.status == "removing" or (one.status == "running" and one.id in stopping) for one in found)
        now = [(one.id, one.name, one.status) for one in found]
        if not busy and now == before:
            return
        before = now
        time.sleep(_QUIET_SECONDS)


def _stopping(engine: Engine, project: str) -> set[str]:
    """Ids of the containers that were told to end, and have not done so."""
    api = engine.client.api
    with asking("ask what was done lately"):
        now = datetime.fromisoformat(api.info()["SystemTime"]).astimezone(UTC)
        events: list[Mapping[str, Any]] = list(
            api.events(
                since=(now - _LOOK_BACK).timestamp(),
                until=now.timestamp(),
                filters={"type": "container", "label": f"{PROJECT_LABEL}={project}", "event": ["kill", "die"]},
                decode=True,
            )
        )
    told: set[str] = set()
    for event in events:
        actor = event["Actor"]
        if event["Action"] == "die":
            told.discard(actor["ID"])
        elif actor["Attributes"].get("signal") in _ENDING:
            told.add(actor["ID"])
    return told
