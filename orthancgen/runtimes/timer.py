"""What starts a verb of orthancgen by the clock: units of systemd, or a line of cron."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orthancgen.errors import InputError
from orthancgen.render.quoting import unit_word
from orthancgen.site.backup import plain_schedule

UNIT_FOLDER: Final = Path("/etc/systemd/system")
_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


@dataclass(frozen=True, slots=True)
class Job:
    """What is done by the clock.

    Attributes:
        unit: name of both units, without their ending.
        written_by: the command that writes them.
        title: what is done.
        timer_title: when it is done.
        calls: argument lists, one after the other.
        said_by: how the environment says when, for a hint: `section: {key: ...}`.
        writes: folders that it writes into, besides the state folder.
        makes: those of them that are made where they are not there: a unit may write into what is there alone.
        manual: page of the manual that tells more, or None.
        capabilities: that it keeps, of capabilities(7): to read and write what belongs to others, and no more.
    """

    unit: str
    written_by: str
    title: str
    timer_title: str
    calls: tuple[tuple[str, ...], ...]
    said_by: str
    writes: tuple[Path, ...] = ()
    makes: tuple[Path, ...] = ()
    manual: str | None = None
    capabilities: tuple[str, ...] = ("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH")


def on_calendar(schedule: str) -> str:
    """A schedule as systemd.time(7) writes it."""
    found = plain_schedule(schedule)
    if found is None:
        return schedule
    if found["every"] == "hourly":
        return "hourly"
    day = f"{found['day'][:3].capitalize()} " if found["day"] else ""
    return f"{day}*-*-* {found['hour']}:{found['minute']}:00"


def units(job: Job, state_root: Path, schedule: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The service and the timer: file name -> content.

    Args:
        job: what is done.
        state_root: folder of all state folders.
        schedule: as the environment says it.
        variables: of the service, such as DOCKER_HOST; no secret.

    Raises:
        RenderError: a path has a character that a unit cannot carry.
    """
    starts = "".join(f"ExecStart={' '.join(map(unit_word, call))}\n" for call in job.calls)
    assigned = (unit_word(f"{key}={value}") for key, value in sorted(variables.items()))
    environment_lines = "".join(f"Environment={word}\n" for word in assigned)
    # A minus sign: a folder that is not there is no reason not to start.
    written = " ".join([unit_word(str(state_root)), *(f"-{unit_word(str(path))}" for path in job.writes)])
    manual = f"Documentation=man:{job.manual}\n" if job.manual else ""
    service = f"""\
# Written by {job.written_by}.
[Unit]
Description={job.title}
{manual}\
Wants=network-online.target
After=network-online.target docker.service

[Service]
Type=oneshot
{starts}\
{environment_lines}\
TimeoutStartSec=infinity
Nice=10
IOSchedulingClass=idle
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ReadWritePaths={written}
ProtectHome=read-only
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
CapabilityBoundingSet={" ".join(job.capabilities)}
"""
    timer = f"""\
# Written by {job.written_by}.
[Unit]
Description={job.timer_title}

[Timer]
OnCalendar={on_calendar(schedule)}
RandomizedDelaySec=5min
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{job.unit}.service": service, f"{job.unit}.timer": timer}


def cron_line(job: Job, schedule: str) -> str:
    """A line for root's crontab.

    Args:
        job: what is done.
        schedule: as the environment says it.

    Raises:
        InputError: the schedule is one that only systemd knows.
    """
    found = plain_schedule(schedule)
    if found is None:
        raise InputError(
            f"cron cannot express the schedule {schedule!r}",
            hint=job.said_by.replace("...", '"daily 02:30"') + ", or hourly, or weekly DAY HH:MM",
        )
    when = "0 * * * *"
    if found["hour"]:
        day = str(_DAYS.index(found["day"])) if found["day"] else "*"
        when = f"{int(found['minute'])} {int(found['hour'])} * * {day}"
    calls = (" ".join(shlex.quote(word) for word in call) for call in job.calls)
    return f"{when} {' && '.join(calls)}".replace("%", r"\%")
