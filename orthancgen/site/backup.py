"""`backup:` where the images and records are saved, how often, and how long they are kept."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from orthancgen.site.types import SecretRef, Section, reference

REMOTE: Final = ("rest:", "s3:", "b2:", "azure:", "gs:", "swift:")
"""Kinds of repository that restic reaches over the network with a password alone.
https://restic.readthedocs.io/en/stable/030_preparing_a_new_repo.html"""
_NEEDS_MORE: Final = ("sftp:", "rclone:")
_PLAIN: Final = re.compile(
    r"(?P<every>hourly|daily|weekly)(?: (?P<day>monday|tuesday|wednesday|thursday|friday|saturday|sunday))?"
    r"(?: (?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]))?"
)
_ON_CALENDAR: Final = re.compile(r"[A-Za-z0-9*:./,~ -]{1,100}")
_CREDENTIALS: Final = ("AWS_", "AZURE_", "B2_", "GOOGLE_", "OS_", "ST_", "RESTIC_REST_")
"""Variables by which restic's stores take credentials.
https://restic.readthedocs.io/en/stable/040_backup.html#environment-variables"""


def _repository(value: str) -> str:
    if value.startswith("/"):
        if value.rstrip("/") == "":
            raise ValueError("the repository is a folder of its own, not the root of the file system")
        return value.rstrip("/")
    if value.startswith(_NEEDS_MORE):
        raise ValueError(
            f"{value.split(':')[0]} needs keys and programs that the container of the backup has not: "
            "use a folder, rest: or s3:"
        )
    if not value.startswith(REMOTE):
        raise ValueError(f"a repository is an absolute folder, or begins with {', '.join(REMOTE)}")
    if any(character == " " or unicodedata.category(character)[0] == "C" for character in value):
        raise ValueError("a repository's address has no spaces and no control characters")
    rest = value.partition(":")[2]
    if "@" in rest.split("?")[0] and urlsplit(rest).password is not None:
        raise ValueError(
            "no user and password in the address: name them under environment:, such as "
            "RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD"
        )
    if "@" in rest:
        raise ValueError("no user in the address: name it under environment:, such as RESTIC_REST_USERNAME")
    if not rest:
        raise ValueError("the address of the repository is missing")
    return value


Repository = Annotated[
    str,
    StringConstraints(max_length=1024),
    AfterValidator(_repository),
    Field(
        description="Absolute folder of the engine's host, or the address of restic's rest, s3, b2, azure, gs or "
        "swift store, without credentials.",
        examples=["/srv/backup/prod", "rest:https://backup.example:8000/prod"],
    ),
]


def plain_schedule(value: str) -> re.Match[str] | None:
    """The parts of a schedule in plain words, or None where it is systemd's own."""
    found = _PLAIN.fullmatch(value)
    return found if found and _is_complete(found) else None


def _is_complete(found: re.Match[str]) -> bool:
    every, day, hour = found["every"], found["day"], found["hour"]
    return {"hourly": not day and not hour, "daily": not day and bool(hour), "weekly": bool(day) and bool(hour)}[every]


def _schedule(value: str) -> str:
    if plain_schedule(value):
        return value
    if value.split(" ")[0] in {"hourly", "daily", "weekly"}:
        raise ValueError('write "hourly", "daily 02:30" or "weekly sunday 02:30"')
    if not _ON_CALENDAR.fullmatch(value) or not re.search(r"[0-9*]:[0-9*]", value):
        raise ValueError('write "daily 02:30", or a time of systemd.time such as "Mon..Fri 03:00"')
    return value


Schedule = Annotated[
    str,
    AfterValidator(_schedule),
    Field(
        description="When the timer makes a backup: hourly, daily HH:MM, weekly DAY HH:MM, or systemd's OnCalendar.",
        examples=["daily 02:30"],
    ),
]
"""systemd.time(7), "Calendar Events"."""


def _credential(value: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{1,63}", value) or not value.startswith(_CREDENTIALS):
        raise ValueError(f"a store's credential is a variable that begins with {', '.join(_CREDENTIALS)}")
    return value


Count = Annotated[int, Field(ge=0, le=10_000)]


class Keep(Section):
    """How many backups are kept; of each period, the newest one."""

    last: Count = 3
    """So many of the newest, whenever they were made."""
    daily: Count = 14
    """One a day, for so many days that have one."""
    weekly: Count = 8
    """One a week."""
    monthly: Count = 12
    """One a month."""
    yearly: Count = 0
    """One a year."""

    @model_validator(mode="after")
    def _something(self) -> Keep:
        if not any((self.last, self.daily, self.weekly, self.monthly, self.yearly)):
            raise ValueError("nothing would be kept: give at least one number above 0")
        return self


class Backup(Section):
    """Backups with restic: encrypted, deduplicated, with images, records and this environment's state."""

    repository: Repository | None = None
    """Where the backups lie; without it, there are none."""
    password: SecretRef = reference("backup_password")
    """Encrypts the repository. Keep a copy outside of this host: without it, no backup can be read."""
    schedule: Schedule = "daily 02:30"
    keep: Keep = Keep()
    check_percent: Annotated[int, Field(ge=0, le=100)] = 5
    """Part of the repository that `orthancgen backup ENV --check` reads back, each time another; 0: its index only."""
    pause_seconds: Annotated[int, Field(ge=1, le=120)] = 20
    """Longest time that Orthanc is halted for the copy of its index; a copy that takes longer is given up."""
    environment: dict[
        Annotated[str, AfterValidator(_credential), Field(description="Variable of restic.")], SecretRef
    ] = Field(default_factory=dict)
    """Credentials of a remote store, such as RESTIC_REST_USERNAME, each by reference to a secret."""
