"""What is to be audited: names and paths as they are given, as subjects."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Publisher
from orthancgen.orthanc.keys import Version
from orthancgen.site.load import AskInstalled, load, resolve

_HEAD_BYTES: Final = 65_536
_OF_ENVIRONMENT: Final = re.compile(r"^(?:environment|extends)[ ]*:", flags=re.MULTILINE)


def subjects_of(
    targets: Sequence[str],
    *,
    today: datetime.date,
    version: Version | None = None,
    publisher: Publisher | None = None,
    ask_installed: AskInstalled | None = None,
) -> tuple[Subject, ...]:
    """A subject for each environment, and one for all other files together, which belong to one set-up.

    Args:
        targets: names of environments (``environments/NAME.yaml``), and paths of files and folders.
        today: the day by which certificates, waivers and ages are judged.
        version: the Orthanc that reads other people's files, where nothing in them says so.
        publisher: whose image it runs in.
        ask_installed: tells the version of the installed Orthanc; asked only where an environment says ``auto``.

    Raises:
        InputError: an environment is invalid, or a path is not there; carries every problem.
        RenderError: an environment cannot be rendered.
    """
    environments = [target for target in targets if is_environment(target)]
    others = [Path(target) for target in targets if target not in environments]
    found = [_environment(target, today, ask_installed) for target in environments]
    if others:
        from orthancgen.foreign.read import read_target

        found.append(Subject(read_target(others, version=version, publisher=publisher, today=today), today=today))
    return tuple(found)


def is_environment(target: str) -> bool:
    """Whether a target names an environment of ours: by its name, or a YAML file that says so."""
    path = Path(target)
    if "/" not in target and not path.suffix:
        return not path.exists()  # `resolve` says which environments there are
    if path.suffix not in {".yaml", ".yml"}:
        return False
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return _OF_ENVIRONMENT.search(file.read(_HEAD_BYTES)) is not None
    except (OSError, ValueError):
        return False


def _environment(target: str, today: datetime.date, ask_installed: AskInstalled | None) -> Subject:
    from orthancgen.audit.environment import subject_of
    from orthancgen.plan.build import plan as build_plan
    from orthancgen.render.catalogue import render

    loaded = load(resolve(target), ask_installed)
    plan = build_plan(loaded.require(), loaded.version)
    return subject_of(loaded, plan, render(plan), today)
