"""Logs are followed line by line, over rotation; what an error shows of them hides secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orthancgen.runtimes.native.logs import Follower, tail
from orthancgen.secrets.value import SecretValue


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "orthanc.log"


@pytest.fixture
def follower(log: Path) -> Iterator[Follower]:
    follower = Follower(log)
    yield follower
    follower.close()


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_a_log_that_is_not_there_yet(log: Path, follower: Follower) -> None:
    assert follower.last(5) == []
    append(log, "one\n")
    assert follower.added() == ["one"]


def test_only_whole_lines_and_each_once(log: Path, follower: Follower) -> None:
    append(log, "one\ntwo\nthr")
    assert follower.last(1) == ["two"]
    assert follower.added() == []
    append(log, "ee\n")
    assert follower.added() == ["three"]
    assert follower.last(0) == []


def test_a_rotated_log_is_read_to_its_end(log: Path, follower: Follower) -> None:
    append(log, "one\n")
    assert follower.added() == ["one"]
    append(log, "two\n")
    log.rename(log.with_suffix(".1"))
    append(log, "three\n")
    assert follower.added() == ["two", "three"]


def test_an_emptied_log_starts_anew(log: Path, follower: Follower) -> None:
    append(log, "one\ntwo\n")
    follower.added()
    log.write_text("new\n")
    assert follower.added() == ["new"]


def test_the_tail_of_a_log_hides_secrets(log: Path) -> None:
    append(log, "x" * 20_000 + "\nfirst\nlogin with Zq8-kT2_wP5x\n")
    assert tail(log, 2, {"orthanc_password": SecretValue("Zq8-kT2_wP5x")}) == "  first\n  login with [orthanc_password]"
    assert tail(log.with_name("none"), 2, {}) == "  (no log)"
