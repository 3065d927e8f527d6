"""The proofs by the clock: what the units and the line of cron say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orthancgen.cli import timer as installer
from orthancgen.errors import RenderError
from orthancgen.observability.timer import job
from orthancgen.runtimes.timer import Job, cron_line, units

STATE = Path("/var/lib/orthancgen")


def made(folder: str = "/var/lib/prometheus/node-exporter") -> Job:
    return job("prod", "/etc/pacs/prod.yaml", STATE, "/usr/bin/true", folder)


def test_the_units(tmp_path: Path) -> None:
    written = units(made(), STATE, "hourly", {})
    assert set(written) == {"orthancgen-verify-prod.service", "orthancgen-verify-prod.timer"}
    service, timer = written["orthancgen-verify-prod.service"], written["orthancgen-verify-prod.timer"]
    call = (
        "ExecStart=/usr/bin/true verify /etc/pacs/prod.yaml --state /var/lib/orthancgen "
        "--metrics /var/lib/prometheus/node-exporter/orthancgen-prod.prom\n"
    )
    assert call in service
    assert "ReadWritePaths=/var/lib/orthancgen -/var/lib/prometheus/node-exporter\n" in service
    assert "OnCalendar=hourly\n" in timer
    if shutil.which("systemd-analyze"):
        for name, text in written.items():
            (tmp_path / name).write_text(text)
        files = map(str, tmp_path.iterdir())
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, check=False
        )
        assert "Unknown" not in done.stderr, done.stderr
        assert "Failed to parse" not in done.stderr, done.stderr


def test_the_line_of_cron() -> None:
    assert cron_line(made(), "daily 04:30").startswith("30 4 * * * /usr/bin/true verify /etc/pacs/prod.yaml --state ")


def test_a_folder_that_a_unit_cannot_carry_is_refused() -> None:
    with pytest.raises(RenderError):
        units(made("/srv/text files"), STATE, "hourly", {})


def test_a_timer_starts_the_program_that_installed_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other" / "orthancgen"
    own = tmp_path / "own" / "orthancgen"
    for program in (other, own):
        program.parent.mkdir()
        program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    monkeypatch.setattr(sys, "argv", [str(own)])
    assert installer.own_program() == str(own)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "orthancgen/__main__.py")])
    assert installer.own_program() == str(other)


def test_units_that_are_only_written_make_no_folder_of_the_host(tmp_path: Path) -> None:
    textfiles = tmp_path / "textfiles"
    installer.install(made(str(textfiles)), STATE, "hourly", tmp_path / "units")
    assert {path.name for path in (tmp_path / "units").iterdir()} == set(units(made(), STATE, "hourly", {}))
    assert not textfiles.exists()
