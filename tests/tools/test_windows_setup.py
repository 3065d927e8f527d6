"""A grammar of PowerShell accepts what sets a site up on Windows, which cannot run here; it would find a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.powershell import has_error

GOLDEN = Path(__file__).parents[1] / "golden" / "firewalls-1.13.0" / "windows"


@pytest.mark.parametrize("name", ["install.ps1", "uninstall.ps1"])
def test_the_scripts_are_of_the_grammar_of_powershell(name: str, tmp_path: Path) -> None:
    text = (GOLDEN / name).read_bytes().decode("ascii")
    assert text.count("\r\n") == text.count("\n")
    assert not has_error(text, tmp_path / name)
    assert has_error(text.replace("catch {", "catch (", 1), tmp_path / name)
