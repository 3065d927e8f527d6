"""What starts a backup by the clock: units of systemd, or a line of cron."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from orthancgen.errors import InputError
from orthancgen.render.quoting import unit_word
from orthancgen.site.backup import plain_schedule

UNIT_FOLDER: Final = Path("/etc/systemd/system")
_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def unit_name(environment: str) -> str:
    """Name of both units, without their ending."""
    return f"orthancgen-backup-{environment}"


def on_calendar(schedule: str) -> str:
    """A schedule as systemd.time(7) writes it."""
    found = plain_schedule(schedule)
    if found is None:
        return schedule
    if found["every"] == "hourly":
        return "hourly"
    day = f"{found['day'][:3].capitalize()} " if found["day"] else ""
    return f"{day}*-*-* {found['hour']}:{found['minute']}:00"


def units(
    environment: str, env: str, state_root: Path, schedule: str, program: str, variables: dict[str, str]
) -> dict[str, str]:
    """The service and the timer: file name -> content.

    Args:
        environment: its name.
        env: the environment file, an absolute path.
        state_root: folder of all state folders.
        schedule: `backup.schedule`.
        program: path of orthancgen.
        variables: of the service, such as DOCKER_HOST; no secret.

    Raises:
        RenderError: a path has a character that a unit cannot carry.
    """
    name = unit_name(environment)
    call = f"{unit_word(program)} backup {unit_word(env)} --state {unit_word(str(state_root))}"
    environment_lines = "".join(
        f"Environment={unit_word(f'{key}={value}')}\n" for key, value in sorted(variables.items())
    )
    service = f"""\
# Written by orthancgen backup {environment} --install-timer.
[Unit]
Description=Backup of the environment {environment} of Orthanc
Documentation=man:restic(1)
Wants=network-online.target
After=network-online.target docker.service

[Service]
Type=oneshot
ExecStart={call}
ExecStart={call} --check
{environment_lines}\
TimeoutStartSec=infinity
Nice=10
IOSchedulingClass=idle
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ReadWritePaths={unit_word(str(state_root))}
ProtectHome=read-only
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH
"""
    timer = f"""\
# Written by orthancgen backup {environment} --install-timer.
[Unit]
Description=When the environment {environment} of Orthanc is backed up

[Timer]
OnCalendar={on_calendar(schedule)}
RandomizedDelaySec=5min
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{name}.service": service, f"{name}.timer": timer}


def cron_line(env: str, state_root: Path, schedule: str, program: str) -> str:
    """A line for root's crontab.

    Raises:
        InputError: the schedule is one that only systemd knows.
    """
    found = plain_schedule(schedule)
    if found is None:
        raise InputError(
            f"cron cannot express the schedule {schedule!r}",
            hint='backup: {schedule: "daily 02:30"}, or hourly, or weekly DAY HH:MM',
        )
    when = "0 * * * *"
    if found["hour"]:
        day = str(_DAYS.index(found["day"])) if found["day"] else "*"
        when = f"{int(found['minute'])} {int(found['hour'])} * * {day}"
    call = " ".join(shlex.quote(word) for word in (program, "backup", env, "--state", str(state_root)))
    return f"{when} {call} && {call} --check".replace("%", r"\%")
