"""Why Orthanc or the backend does not start: what their logs say of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe import services
from orthancgen.doctor.observe.services import LogLine
from orthancgen.orthanc.messages import meaning

_CAUSES: Final[Mapping[str, str]] = {
    "dicom-port-taken": "orthanc-port-taken",
    "http-port-taken": "orthanc-port-taken",
    "http-port-or-address": "orthanc-port-taken",
    "index-version": "orthanc-index-too-new",
    "index-too-new": "orthanc-index-too-new",
    "index-corrupt": "orthanc-index-damaged",
    "index-malformed": "orthanc-index-damaged",
    "index-locked": "orthanc-index-locked",
    "disk-full-hint": "disk-full",
    "disk-full-flush": "disk-full",
    "index-disk-full": "disk-full",
    "lua-error": "lua-script-failing",
    "lua-error-other": "lua-script-failing",
    "script-missing": "lua-script-missing",
    "plugin-path": "plugin-missing",
    "plugin-missing": "plugin-missing",
    "plugin-unloadable": "plugin-missing",
}
"""What a line of the log means (`orthanc/messages`) -> the cause. Another error that ends a start is one of the
configuration."""
_SQLITE: Final[Mapping[str, str]] = {
    "5": "orthanc-index-locked", "6": "orthanc-index-locked", "11": "orthanc-index-damaged",
    "13": "disk-full", "26": "orthanc-index-damaged",
}  # fmt: skip
"""SQLite's own codes, which Orthanc 1.10.1 logs alone: https://www.sqlite.org/rescode.html"""
_SQLITE_CODE: Final = re.compile(r"SQLite error code (\d{1,4})")
_LUA: Final = frozenset({"lua-error", "lua-error-other", "lua-events"})
_STOPPING: Final = "Uncaught exception, stopping now"
_STARTED: Final = "Orthanc has started"
_NOISE: Final = re.compile(r"^(?:INTERNAL ERROR|Uncaught exception|Cannot parse JSON)")
_BACKEND_REFUSES: Final = "the configuration cannot be used"
_BACKEND_STARTED: Final = '"msg":"started"'


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a start failed: the id of the cause, the lines that say so, and every error of that start."""

    cause: str
    lines: tuple[LogLine, ...]
    all: tuple[LogLine, ...] = ()


def cause(case: Case) -> Failure | None:
    """Why Orthanc's last start failed; None where it runs, or its log does not say."""
    return case.once("start of orthanc", lambda: _cause(case))


def _cause(case: Case) -> Failure | None:
    if services.life(case, "orthanc") == "runs":
        return None
    run = services.last_run(case)
    if not _is_over(run) and not _has_started(run):
        run = services.run_before(case)  # it is just being tried once more
    if _has_started(run) or not _is_over(run):
        return None  # it had started, and ended later; or nothing is told
    lines = tuple(one for one in services.parsed(run) if one.level == "E")
    telling = tuple(line for line in lines if not _NOISE.match(line.text)) or lines
    for line in telling:
        if (name := cause_of(line.text)) is not None:
            return Failure(name, tuple(one for one in telling if cause_of(one.text) == name)[:3], lines)
    return Failure("orthanc-refuses-configuration", telling[:3], lines)


def _has_started(run: Sequence[str]) -> bool:
    return any(_STARTED in line for line in run)


def _is_over(run: Sequence[str]) -> bool:
    return any(_STOPPING in line for line in run)


def script_failures(case: Case) -> tuple[LogLine, ...]:
    """The errors of the Lua script since Orthanc's last start."""
    return tuple(
        line for line in services.recent_errors(case) if (known := meaning(line.text)) and known.message.id in _LUA
    )


def cause_of(text: str) -> str | None:
    """The cause that a line of Orthanc's log tells; None where it tells none, or the configuration's."""
    if code := _SQLITE_CODE.search(text[:200]):
        return _SQLITE.get(code[1])
    found = meaning(text)
    return _CAUSES.get(found.message.id) if found else None


def backend_refuses(case: Case) -> tuple[str, ...] | None:
    """What the backend says of its configuration, with which it does not start; None where that is not so."""
    if not case.site.backend.enabled or services.life(case, "backend") == "runs":
        return None
    lines = case.log("backend")[-60:]
    for index in range(len(lines) - 1, -1, -1):
        if _BACKEND_STARTED in lines[index]:
            return None
        if lines[index].startswith(_BACKEND_REFUSES):
            return tuple(line.strip() for line in lines[index : index + 4])
    return None
