"""When a backup is made, for systemd and for cron."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from orthancgen.backup.timer import job
from orthancgen.errors import InputError, RenderError
from orthancgen.runtimes.timer import cron_line, on_calendar, units

STATE = Path("/var/lib/orthancgen")


@pytest.mark.parametrize(
    ("schedule", "systemd", "cron"),
    [
        ("hourly", "hourly", "0 * * * *"),
        ("daily 02:30", "*-*-* 02:30:00", "30 2 * * *"),
        ("weekly sunday 00:05", "Sun *-*-* 00:05:00", "5 0 * * 0"),
        ("weekly saturday 23:59", "Sat *-*-* 23:59:00", "59 23 * * 6"),
    ],
)
def test_a_plain_schedule(schedule: str, systemd: str, cron: str) -> None:
    assert on_calendar(schedule) == systemd
    line = cron_line(job("prod", "/etc/pacs/prod.yaml", STATE, "/usr/bin/orthancgen"), schedule)
    assert line.startswith(f"{cron} /usr/bin/orthancgen backup /etc/pacs/prod.yaml --state /var/lib/orthancgen && ")
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "calendar", systemd], check=True, capture_output=True)


def test_what_only_systemd_knows_is_no_line_of_cron() -> None:
    assert on_calendar("Mon..Fri 03:00") == "Mon..Fri 03:00"
    with pytest.raises(InputError, match="cron cannot express"):
        cron_line(job("prod", "prod.yaml", STATE, "orthancgen"), "Mon..Fri 03:00")


def test_a_percent_sign_ends_no_command_of_cron() -> None:
    assert r"/etc/a\%b.yaml" in cron_line(job("prod", "/etc/a%b.yaml", STATE, "orthancgen"), "hourly")


def test_the_units(tmp_path: Path) -> None:
    made = job("prod", "/etc/pacs/100%.yaml", STATE, "/usr/bin/true")
    written = units(made, STATE, "daily 02:30", {"DOCKER_HOST": "unix:///d"})
    assert set(written) == {"orthancgen-backup-prod.service", "orthancgen-backup-prod.timer"}
    service, timer = written["orthancgen-backup-prod.service"], written["orthancgen-backup-prod.timer"]
    assert "ExecStart=/usr/bin/true backup /etc/pacs/100%%.yaml --state /var/lib/orthancgen\n" in service
    assert "ExecStart=/usr/bin/true backup /etc/pacs/100%%.yaml --state /var/lib/orthancgen --check\n" in service
    assert "Environment=DOCKER_HOST=unix:///d\n" in service
    assert "OnCalendar=*-*-* 02:30:00\n" in timer
    assert "Persistent=true\n" in timer
    if shutil.which("systemd-analyze"):
        for name, text in written.items():
            (tmp_path / name).write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Unknown" not in done.stderr, done.stderr
        assert "Failed to parse" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    "path", ["/etc/pa cs/prod.yaml", "/etc/'prod'.yaml", "/etc/$HOME.yaml", "/etc/a\nExecStart=/x"]
)
def test_a_path_that_a_unit_cannot_carry_is_refused(path: str) -> None:
    with pytest.raises(RenderError):
        units(job("prod", path, STATE, "/usr/bin/orthancgen"), STATE, "daily 02:30", {})
