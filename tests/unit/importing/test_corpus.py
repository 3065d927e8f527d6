"""Set-ups in the many styles of the wild: what became of each key, and nothing of a secret anywhere."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orthancgen.cli import cli
from orthancgen.errors import OrthancgenError
from orthancgen.site.load import load
from tests.corpus import FOLDER, Sample, samples

SAMPLES = samples()
TOO_SHORT_TO_LOOK_FOR = ("orthanc", "bob")
"""Passwords that are words of every report as well."""


def run(sample: Sample, folder: Path, *options: str) -> Result:
    files = map(str, sample.copied(folder / "set-up"))
    arguments = ["import", *files, "--name", "x", "-o", str(folder / "x.yaml"), "--state", str(folder / "state")]
    return CliRunner().invoke(cli, [*arguments, *sample.options, *options])


def exit_code(result: Result) -> int:
    if isinstance(result.exception, OrthancgenError):
        return int(result.exception.exit_code)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code


def test_there_are_many() -> None:
    assert len(SAMPLES) >= 50
    assert {path.name for path in FOLDER.iterdir() if path.name[0].isdigit()} == {sample.name for sample in SAMPLES}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_what_became_of_each_key(sample: Sample, tmp_path: Path) -> None:
    result = run(sample, tmp_path, "--json")
    assert exit_code(result) == sample.exit
    stored = [path.read_text() for path in (tmp_path / "state").rglob("*") if path.is_file()]
    written = (tmp_path / "x.yaml").read_text() if (tmp_path / "x.yaml").exists() else ""
    for secret in sample.secrets:
        assert secret not in result.stdout + result.stderr + written
    if sample.exit == 2:
        assert written == ""
        assert stored == []
        return
    document: dict[str, Any] = json.loads(result.stdout)
    notes = document["notes"]
    attention = [f"{note['outcome']}: {'.'.join(map(str, note['path']))}" for note in notes if note["counts"]]
    assert attention == list(sample.attention)
    assert Counter(note["outcome"] for note in notes) == Counter(sample.outcomes)
    assert len(document["differences"]) == sample.differences
    assert [one["path"] for one in document["differences"] if not one["why"]] == []
    assert document["complete"] is (sample.exit == 0)
    loaded = load(tmp_path / "x.yaml")
    assert [problem.message for problem in loaded.errors] == []
    assert set(document["secrets"]) == {path.name for path in (tmp_path / "state").rglob("*") if path.is_file()}
    assert {*sample.secrets, *TOO_SHORT_TO_LOOK_FOR} >= set(stored)
