"""Room on the disks, the clocks, and memory."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Area, Diagnosis, Evidence, Finding, Fix, Note, Remedy
from orthancgen.doctor.observe import backend, database, services, storage
from orthancgen.doctor.observe.storage import MEBIBYTE, Folder
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import OF_DATABASE, OF_ORTHANC, anew, deploy, has_backend

_SKEW: Final = timedelta(seconds=30)
"""TLS, tokens and the time in each record bear this much; answers that tell whole seconds are off by one."""


def _room(case: Case) -> Iterator[Finding]:
    full = [one for one in storage.folders(case) if one.full]
    if full:
        explains: frozenset[Area] = frozenset()
        if any(one.service == "orthanc" for one in full):
            explains |= OF_ORTHANC - {"way_in", "admission"}
        if any(one.service == "database" for one in full):
            explains |= OF_DATABASE
        kept = ", ".join(dict.fromkeys(one.what for one in full))
        yield Diagnosis(
            "disk-full",
            f"the disk of the {kept} is full: nothing new can be kept there",
            "disk",
            tuple(Evidence(_said(one), one.path) for one in full),
            (
                Remedy("see what fills it", f"du -xh --max-depth=2 {shlex.quote(full[0].path)} | sort -h | tail"),
                Remedy("make room, or enlarge the disk; files of Orthanc are never removed by hand"),
                Remedy("limit what Orthanc keeps: orthanc.storage.limit_megabytes", on="the environment file"),
                deploy(case, "then start what ended meanwhile"),
            ),
            explains=explains,
        )  # fmt: skip
    for one in storage.folders(case):
        if one.nearly_full:
            yield Note(f"the disk of the {one.what} is nearly full", (Evidence(_said(one), one.path),))


def _said(one: Folder) -> str:
    if one.free_files == 0:
        return "no file can be made any more: the file system has no inodes left"
    return f"{one.free_bytes / MEBIBYTE:,.0f} MiB of {one.total_bytes / MEBIBYTE:,.0f} MiB are free"


def _clocks(case: Case) -> Iterator[Finding]:
    skewed = [(who, clock - now, clock, where) for who, clock, now, where in _seen(case) if abs(clock - now) > _SKEW]
    for who, ahead, clock, where in skewed:
        way = "ahead of" if ahead > timedelta() else "behind"
        yield Diagnosis(
            "clock-skew",
            f"the clock of {who} is {_length(ahead)} {way} this host's: certificates and times of records are wrong",
            who,
            (Evidence(f"it says {clock:%Y-%m-%d %H:%M:%S} UTC, this host {clock - ahead:%Y-%m-%d %H:%M:%S}", where),),
            (
                Remedy("see whether this host's clock is right", "timedatectl status"),
                Remedy("have it set by NTP", "timedatectl set-ntp true"),
                *anew(case, "start the service anew, where it alone is wrong"),
            ),
            Fix("restart", who),
        )
    if not skewed and (unset := _not_synchronised()):
        yield Note("nothing sets this host's clock", (Evidence(unset, "timedatectl"),))


def _length(span: timedelta) -> str:
    seconds = abs(int(span.total_seconds()))
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 1.9 * size:
            return f"{round(seconds / size)} {unit}"
    return f"{seconds} seconds"


def _seen(case: Case) -> Iterator[tuple[str, datetime, datetime, str]]:
    """Service, its clock, this host's at that moment, and where it was seen."""
    answer = case.orthanc("/tools/now") if services.well(case, "orthanc") else "it is not well"
    now = datetime.now(UTC)
    if not isinstance(answer, str) and answer.status_code == httpx.codes.OK:
        with contextlib.suppress(ValueError):
            # https://orthanc.uclouvain.be/api/#tag/System/paths/~1tools~1now/get: UTC
            clock = datetime.strptime(answer.text.strip(), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
            yield "orthanc", clock, now, "GET /tools/now"
    if not has_backend(case):
        return
    if case.runs("backend") and (date := backend.alive(case).date):
        with contextlib.suppress(ValueError):
            yield "backend", parsedate_to_datetime(date), datetime.now(UTC), "Date of its answers"
    if case.runs("database"):
        found = database.ask(case)
        if found.clock is not None and found.at is not None:
            yield "database", found.clock, found.at, "hello"


def _not_synchronised() -> str | None:
    import shutil
    import subprocess

    program = shutil.which("timedatectl")
    if program is None:
        return None
    try:
        command = [program, "show", "--property=NTPSynchronized", "--value"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return "NTPSynchronized=no" if done.stdout.strip() == "no" else None


QUESTIONS: Final = (
    Question("disks", "Is there room on the disks?", "host", _room, ("disk-full",)),
    Question("clocks", "Do all clocks tell the same time?", "host", _clocks, ("clock-skew",)),
)
