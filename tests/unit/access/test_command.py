"""`orthancgen access`: formats, filters, files, and what is said of a wrong argument."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orthancgen.cli import cli
from orthancgen.errors import InputError

ENVIRONMENT = "tests/golden/prod-1.13.0.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["access", *arguments])


def test_every_format_to_standard_output_and_to_a_file(tmp_path: Path) -> None:
    for form in ("table", "json", "csv", "html"):
        shown = run(ENVIRONMENT, "--format", form)
        assert shown.exit_code == 0, shown.output
        written = run(ENVIRONMENT, "--format", form, "-o", str(tmp_path / form))
        assert (written.exit_code, written.output) == (0, "")
        assert (tmp_path / form).read_bytes() == shown.stdout_bytes
    assert run(ENVIRONMENT, "--json").stdout == (tmp_path / "json").read_text("utf-8")
    assert "\x1b" not in (tmp_path / "table").read_text("utf-8")


def test_filters_choose_rows() -> None:
    document = json.loads(run(ENVIRONMENT, "--json", "--caller", "ct1", "--caller", "MR1", "--command", "find").stdout)
    assert {row["caller"] for row in document["dicom"]} == {"ct1", "mr1", "everybody"}
    assert all(row["commands"] == ["find"] for row in document["dicom"])
    assert document["web"] == []
    for option, result in (("--allowed-only", "allowed"), ("--refused-only", "refused")):
        lines = list(csv.DictReader(io.StringIO(run(ENVIRONMENT, "--format", "csv", option).stdout, newline="")))
        assert {line["result"] for line in lines if line["result"]} == {result}


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ((ENVIRONMENT, "--caller", "xx\x1b"), "there is no caller xx\\x1b", "there are: ct1, mr1, workstation1"),
        ((ENVIRONMENT, "-o", "/nonexistent/x"), "cannot write /nonexistent/x", "name another file with -o"),
        (("nowhere",), "no environment nowhere", "there are: "),
    ],
)
def test_a_wrong_argument_is_an_error_with_a_remedy(arguments: tuple[str, ...], message: str, hint: str) -> None:
    error = run(*arguments).exception
    assert isinstance(error, InputError)
    assert error.message.startswith(message)
    assert (error.hint or "").startswith(hint)
