"""The manual pages are what mandoc accepts and man shows, one for each verb, as the commands are now."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from orthancgen.cli import VERBS
from scripts.man import pages
from tests.support.servers import require_program

FOLDER = Path(__file__).parents[2] / "man"
PAGES = pages()


def test_there_is_one_for_each_verb_and_they_are_current() -> None:
    assert set(PAGES) == {"orthancgen", *(f"orthancgen-{verb}" for verb in VERBS)}
    assert {path.stem: path.read_text() for path in FOLDER.glob("*.1")} == PAGES


def lint(*paths: Path) -> list[str]:
    program = require_program("mandoc", "apt-get install mandoc")
    command = [program, "-T", "lint", "-W", "warning", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # They have no date, so that the same commands give the same bytes.
    return [line for line in (done.stdout + done.stderr).splitlines() if "missing date" not in line]


def test_mandoc_finds_nothing() -> None:
    assert lint(*sorted(FOLDER.glob("*.1"))) == []


def test_it_would_find_something(tmp_path: Path) -> None:
    (tmp_path / "bad.1").write_text(".TH BAD 1\n.SH NAME\n.NOSUCH\nbad\x08\n")
    assert lint(tmp_path / "bad.1")


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("orthancgen", "orthancgen-validate(1)"),
        ("orthancgen-audit", "--fail-on [note|low|medium|high|critical|never]"),
        ("orthancgen-completion", 'orthancgen completion zsh > "${fpath[1]}/_orthancgen"'),
        ("orthancgen-secrets", "orthancgen secrets rotate"),
        ("orthancgen-audit", "orthancgen audit orthanc.json compose.yaml"),
    ],
)
def test_it_shows_what_the_help_says(page: str, shown: str) -> None:
    program = require_program("mandoc", "apt-get install mandoc")
    command = [program, "-T", "utf8", "-O", "width=200", str(FOLDER / f"{page}.1")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown in re.sub(".\b", "", done.stdout)  # bold is a letter over itself
