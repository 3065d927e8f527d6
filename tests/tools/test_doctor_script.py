"""A grammar of PowerShell accepts the doctor's script, which cannot run here; it would find a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.doctor.remote import script
from orthancgen.plan.build import plan as build_plan
from tests.support.environments import MINIMAL, NEWEST, site_of
from tests.support.powershell import has_error


@pytest.fixture(scope="module")
def text() -> str:
    changes = {
        "modalities": {"ct1": {"aet": "C'T \"$(1)`", "address": "192.0.2.7"}},
        "http/listen_on": "0.0.0.0",
    }
    return script(build_plan(site_of(MINIMAL, changes), NEWEST), "ct1", "powershell", ("pacs.example",))


def test_the_script_is_of_the_grammar_of_powershell(text: str, tmp_path: Path) -> None:
    assert not has_error(text, tmp_path / "from.ps1")


@pytest.mark.parametrize(("old", "new"), [("'yes'", "'yes"), ("catch {", "catch ("), ("$Causes = @{", "$Causes = @")])
def test_the_grammar_would_find_a_fault(old: str, new: str, text: str, tmp_path: Path) -> None:
    assert old in text
    assert has_error(text.replace(old, new, 1), tmp_path / "wrong.ps1")
