"""What the services' processes do, and how they ended, as whoever looks after them tells.

Natively that is supervisor, by its socket and its log (https://supervisord.org/subprocess.html#process-states); else
the container engine.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Evidence
from orthancgen.errors import OrthancgenError
from orthancgen.runtimes.runtime import ServiceStatus
from orthancgen.site.problems import printable

Life = Literal["runs", "ends", "stopped", "unknown"]
"""ends: it is started again and again; unknown: nobody can tell."""

_ENDED: Final = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ (?:INFO|WARN|WARNING|ERRO|ERROR) exited: (\w+) \(([^)]{1,80})\)"
)
_SPAWN_ERROR: Final = re.compile(r"spawnerr: (.{1,300})")
_OFTEN: Final = 3
_RECENT: Final = timedelta(minutes=3)
_YOUNG_SECONDS: Final = 45
_STARTING_SECONDS: Final = 1.5
_DOUBT_SECONDS: Final = 4.0
_RESTARTING: Final = frozenset({"backoff", "starting", "restarting"})
_GONE: Final = frozenset({"stopped", "exited", "fatal", "dead", "created", "stopping", "unknown", "paused"})
START: Final = "Orthanc version: "
"""With this Orthanc's log begins anew at each start."""
_LINE: Final = re.compile(r"([EWIT])(\d{4} \d\d:\d\d:\d\d)\.\d+ +(?:\S+ +)?[\w.-]+:\d+\] ?(.*)", re.DOTALL)
_LONGEST_LINE: Final = 500


@dataclass(frozen=True, slots=True)
class End:
    """An end of a process: when, and how in supervisor's words (`exit status 255; not expected`)."""

    at: str
    how: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of Orthanc's log: level (`E`, `W`), when as it stands there, the text behind the head."""

    level: str
    at: str
    text: str


def status(case: Case, service: str) -> ServiceStatus | None:
    """The service as the runtime tells it; None where it cannot be asked, or has no such service."""
    rows = case.services
    return None if isinstance(rows, OrthancgenError) else rows.get(service)


def well(case: Case, service: str) -> bool:
    """Whether a service runs, and answers as it should."""
    row = status(case, service)
    return row is not None and row.pid != 0 and row.wrong is None


def life(case: Case, service: str) -> Life:
    """What the process of a service does."""
    return case.once(f"life of {service}", lambda: _life(case, service))


def _life(case: Case, service: str) -> Life:
    row = status(case, service)
    if row is None:
        return "unknown"
    if row.state in _RESTARTING and not (row.state == "starting" and row.pid):
        return "ends"
    if (
        row.state == "starting"
        and case.site.runtime == "native"
        and not _stays(case, service, row.pid, _STARTING_SECONDS)
    ):
        return "ends"
    if row.pid == 0 or row.state in _GONE:
        return "stopped"
    # One that was caught between two ends runs, for a moment.
    doubtful = _times_ended(case, service) >= _OFTEN and row.uptime_seconds < _YOUNG_SECONDS and row.wrong is not None
    return "ends" if doubtful and not _stays(case, service, row.pid, _DOUBT_SECONDS) else "runs"


def _times_ended(case: Case, service: str) -> int:
    """How often a service ended by itself lately; with containers, since its container was made."""
    if case.site.runtime == "native":
        return len(ends(case, service))
    from orthancgen.doctor.observe import engine

    container = engine.containers(case).get(service)
    return container.restart_count if container else 0


def _stays(case: Case, service: str, pid: int, seconds: float) -> bool:
    """Whether a process is there still after a while."""
    import psutil

    if case.site.runtime != "native":
        return False  # the engine counted its ends, and its process may be on another host
    time.sleep(seconds)
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def ends(case: Case, service: str) -> tuple[End, ...]:
    """The unexpected ends of a service in the last minutes, oldest first; natively alone."""
    return case.once(f"ends of {service}", lambda: _ends(case, service))


def _ends(case: Case, service: str) -> tuple[End, ...]:
    if case.site.runtime != "native":
        return ()
    # Supervisor writes local time, as this does.
    earliest = (datetime.now() - _RECENT).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ005
    found = []
    for line in case.log("supervisord")[-2000:]:
        match = _ENDED.match(line)
        if match and match[2] == service and match[1] >= earliest:
            found.append(End(match[1], match[3]))
    return tuple(found)


def how_it_is(case: Case, service: str) -> tuple[Evidence, ...]:
    """What the runtime tells of a service that does not run as it should."""
    row = status(case, service)
    where = "supervisor" if case.site.runtime == "native" else "container engine"
    said = f"{service}: {row.state}" if row else f"{service}: unknown"
    found = [Evidence(said, where)]
    if last := ends(case, service)[-1:]:
        count = len(ends(case, service))
        often = f"{count} time{'s' if count > 1 else ''}"
        text = f"{service} ended {often} within 3 minutes, the last time: {last[0].how}"
        found.append(Evidence(text, "log of supervisord", last[0].at))
    elif case.site.runtime == "native":
        found += [
            Evidence(printable(match[1], _LONGEST_LINE), "log of supervisord")
            for line in case.log("supervisord")[-200:]
            if (match := _SPAWN_ERROR.search(line)) and service in match[1]
        ][-1:]
    return tuple(found)


def last_run(case: Case) -> tuple[str, ...]:
    """The lines of Orthanc's log since its last start."""
    return case.once("last run of orthanc", lambda: since_start(case.log("orthanc")))


def run_before(case: Case) -> tuple[str, ...]:
    """The lines of the run before the last one; none where there was none."""
    lines = case.log("orthanc")
    return since_start(lines[: len(lines) - len(last_run(case))])


def since_start(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines from the last start of Orthanc on; all of them where none is among them."""
    for index in range(len(lines) - 1, -1, -1):
        if START in lines[index]:
            return tuple(lines[index:])
    return tuple(lines)


def parsed(lines: Sequence[str]) -> tuple[LogLine, ...]:
    """Orthanc's lines by their heads; what follows without a head belongs to the line before."""
    found: list[LogLine] = []
    for line in lines:
        match = _LINE.match(line)
        if match:
            found.append(LogLine(match[1], match[2], match[3]))
        elif found and line.strip() and len(found[-1].text) < _LONGEST_LINE:
            found[-1] = LogLine(found[-1].level, found[-1].at, f"{found[-1].text} {line.strip()}")
    return tuple(found)


def errors(case: Case) -> tuple[LogLine, ...]:
    """The errors that Orthanc logged since its last start."""
    return case.once("errors of orthanc", lambda: tuple(one for one in parsed(last_run(case)) if one.level == "E"))


def recent_errors(case: Case) -> tuple[LogLine, ...]:
    """Of those, the ones that are not older than what is asked about."""
    earliest = _now(case) - case.since
    return tuple(line for line in errors(case) if (at := when(case, line.at)) is None or at >= earliest)


def age(case: Case, line: LogLine) -> timedelta | None:
    """How long ago a line of Orthanc's log was written; None where its time cannot be read."""
    at = when(case, line.at)
    return None if at is None else _now(case) - at


def _now(case: Case) -> datetime:
    """The time by Orthanc's log: local natively, UTC in a container."""
    return datetime.now() if case.site.runtime == "native" else datetime.now(UTC).replace(tzinfo=None)  # noqa: DTZ005


def when(case: Case, at: str) -> datetime | None:
    """The time of a line of Orthanc's log, which has no year; None where it is none."""
    now = _now(case)
    for year in (now.year, now.year - 1):
        try:
            found = datetime.strptime(f"{year}{at}", "%Y%m%d %H:%M:%S")  # noqa: DTZ007
        except ValueError:
            continue
        if found <= now + timedelta(days=1):
            return found
    return None


def quoted(line: LogLine) -> Evidence:
    """A line of Orthanc's log as evidence."""
    at = f"{line.at[:2]}-{line.at[2:4]} {line.at[5:]}"
    return Evidence(printable(line.text.strip(), _LONGEST_LINE), "log of orthanc", at)


def last_lines(case: Case, service: str, count: int = 3) -> tuple[Evidence, ...]:
    """The last lines of a service's log that say something."""
    lines = [line for line in case.log(service)[-50:] if line.strip()]
    return tuple(Evidence(printable(line, _LONGEST_LINE), f"log of {service}") for line in lines[-count:])


def halted(pid: int) -> str | None:
    """That a process was stopped with a signal (SIGSTOP) or by a debugger; None where it was not."""
    import psutil

    try:
        found = psutil.Process(pid).status()
    except psutil.Error:
        return None
    return "stopped by a signal (T)" if found in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP} else None
