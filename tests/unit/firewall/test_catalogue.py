"""The table of dialects, and what is said where one of them cannot say everything."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import yaml
from click.testing import CliRunner

from orthancgen.cli import cli
from orthancgen.errors import RenderError
from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.plan.build import plan
from orthancgen.render.catalogue import render
from orthancgen.resources import locate
from orthancgen.site.load import load
from orthancgen.site.network import FirewallName


def test_every_firewall_of_the_model_has_its_dialect() -> None:
    assert set(DIALECTS) == set(get_args(FirewallName))


def test_each_dialect_has_files_of_its_own() -> None:
    for dialect in DIALECTS.values():
        paths = [file.path for file in dialect.files]
        assert paths
        assert len(set(paths)) == len(paths)


@pytest.fixture
def containers_on_windows(tmp_path: Path) -> Path:
    """Production, whose engine on Linux Windows cannot guard."""
    path = tmp_path / "prod.yaml"
    network = {"firewall": ["nftables", "windows"]}
    path.write_text(
        yaml.safe_dump(
            {"extends": str(locate("environments") / "prod.yaml"), "environment": "prod", "network": network}
        )
    )
    return path


def test_everything_that_is_lost_is_named_before_anything_is_written(
    containers_on_windows: Path, tmp_path: Path
) -> None:
    loaded = load(containers_on_windows)
    with pytest.raises(RenderError) as told:
        render(plan(loaded.require(), loaded.version))
    for name in ("ct1", "mr1", "workstation1"):
        assert f"modality {name}" in told.value.message
    assert "management" not in told.value.message
    output = tmp_path / "bundle"
    done = CliRunner().invoke(cli, ["render", str(containers_on_windows), "-o", str(output)])
    assert isinstance(done.exception, RenderError)
    assert not output.exists()


def test_validate_names_the_line(containers_on_windows: Path) -> None:
    done = CliRunner().invoke(cli, ["validate", str(containers_on_windows)])
    assert done.exit_code == 2
    assert done.output.count("network.firewall[1]: error: windows cannot express DICOM modality") == 3
    assert "valid for" not in done.output
