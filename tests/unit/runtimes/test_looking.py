"""What only looks leaves no trace where nothing was deployed: no state folder, and nothing beside the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from orthancgen.cli import cli
from orthancgen.errors import OrthancgenError
from orthancgen.resources import locate
from tests.support.looking import CHANGING, LOOKING, calls
from tests.unit.test_help import COMMANDS

COMMON: dict[str, Any] = {
    "environment": "looked-at",
    "orthanc": {"version": "1.13.0"},
    "dicom": {"tls": {"enabled": True}},
    "network": {"managed_from": ["192.168.10.0/24"], "firewall": ["nftables"]},
    "observability": {"prometheus": True},
    "deployment": {"host": "pacs.example", "user": "admin"},
}
SITES: dict[str, dict[str, Any]] = {
    "native": {
        **COMMON,
        "extends": str(locate("environments") / "dev.yaml"),
        "modalities": {"ct1": {"aet": "CT1", "address": "127.0.0.1", "port": 9, "may": ["echo"]}},
    },
    # Without an engine, as on a host that is still to get one.
    "containers": {**COMMON, "extends": str(locate("environments") / "prod.yaml")},
}


def test_each_command_either_looks_or_changes_something() -> None:
    leaves = {name for name in COMMANDS if not any(other.startswith(f"{name} ") for other in COMMANDS)}
    assert set(LOOKING) | CHANGING == leaves
    assert not set(LOOKING) & CHANGING


@pytest.mark.parametrize("name", SITES)
def test_what_looks_makes_no_state_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, out, scratch, home = (tmp_path / name for name in ("site", "out", "scratch", "home"))
    for folder in (site, out, scratch, home):
        folder.mkdir()
    environment, state = site / "looked-at.yaml", tmp_path / "nowhere" / "states"
    environment.write_text(yaml.safe_dump(SITES[name]))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(site)
    for arguments in calls(environment, state, out):
        done = CliRunner().invoke(cli, arguments)
        assert done.exception is None or isinstance(done.exception, OrthancgenError | SystemExit), (arguments, done)
        assert done.exit_code != 2, (arguments, done.output)  # it was called wrongly, or the environment is
        assert "looked-at.yaml" not in str(done.exception) or "already" in str(done.exception), (arguments, done)
        assert not state.parent.exists(), arguments
        assert [path.name for path in site.iterdir()] == [environment.name], arguments
        assert [*scratch.iterdir(), *home.iterdir()] == [], arguments
