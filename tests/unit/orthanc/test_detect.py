"""Whatever stands in Orthanc's place, the answer is a version or an error with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.errors import ProgramMissingError
from orthancgen.orthanc import detect
from orthancgen.orthanc.keys import MAINLINE, Version


def a_program(folder: Path, body: str) -> str:
    path = folder / "Orthanc"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("Orthanc 1.10.1", Version(1, 10, 1)),
        ("Orthanc 1.13.0+dfsg-1", Version(1, 13, 0)),
        ("/opt/some where/Orthanc 1.12.11", Version(1, 12, 11)),
        ("Orthanc mainline-1a2b3c", MAINLINE),
    ],
)
def test_the_first_line_gives_the_version(line: str, version: Version) -> None:
    assert detect.parse_answer(f"{line}\nCopyright ...\n") == version


def test_a_link_of_another_name() -> None:
    text = "pacs 1.12.7\nCopyright (C) 2012-2016 Sebastien Jodogne, Medical Physics Department\n"
    assert detect.parse_answer(text) == Version(1, 12, 7)


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(ProgramMissingError, match="not installed") as caught:
        detect.installed_version("no-such-orthanc")
    assert caught.value.hint == "install it: apt-get install orthanc"


@pytest.mark.parametrize(
    "body", ["echo Horos 4.0", "exit 3", "echo Orthanc version 9", "printf '\\377\\376'", "echo Orthanc"]
)
def test_a_program_that_is_no_orthanc(tmp_path: Path, body: str) -> None:
    with pytest.raises(ProgramMissingError, match="does not answer as Orthanc does"):
        detect.installed_version(a_program(tmp_path, body))


def test_a_file_that_cannot_be_run(tmp_path: Path) -> None:
    (tmp_path / "Orthanc").write_bytes(b"\x00not a program")
    (tmp_path / "Orthanc").chmod(0o755)
    with pytest.raises(ProgramMissingError, match="cannot be run"):
        detect.installed_version(str(tmp_path / "Orthanc"))


def test_a_program_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(ProgramMissingError, match=r"within 0\.2 seconds"):
        detect.installed_version(a_program(tmp_path, "exec sleep 30"))
