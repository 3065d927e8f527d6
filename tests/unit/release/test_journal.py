from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from orthancgen.errors import DeployError
from orthancgen.release.journal import STEPS, Journal, read_journal
from tests.support.killed import in_child, kill_at_each_change


def opened(path: Path) -> Journal:
    return Journal.open(path, environment="test", verb="deploy", reason="why", from_release=6)


def everything(path: Path) -> None:
    journal = opened(path)
    journal.note(to_release=7)
    for step in STEPS[1:]:
        journal.step(step)
    journal.close()


def test_it_is_there_exactly_while_something_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    assert Journal.resume(path) is None
    journal = opened(path)
    journal.step("files")
    journal.note(to_release=7)
    journal.note(database_password="unknown")
    assert path.stat().st_mode & 0o777 == 0o600
    entry = read_journal(path)
    assert entry == journal.entry
    assert entry is not None
    assert (entry.from_release, entry.to_release, entry.database_password) == (6, 7, "unknown")
    assert entry.steps == ("opened", "files")
    assert entry.process.alive() is True
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_change_that_was_cut_off_is_not_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    opened(path).step("orthanc")
    with pytest.raises(DeployError, match=r"an earlier run was cut off: deploy by .*: orthanc") as caught:
        opened(path)
    assert caught.value.hint is not None
    assert "orthancgen deploy test" in caught.value.hint
    resumed = Journal.resume(path)
    assert resumed is not None
    resumed.step("taking back")
    resumed.close()
    assert read_journal(path) is None


def test_a_damaged_journal_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    path.write_text('{"verb": ')
    with pytest.raises(DeployError, match="damaged") as caught:
        Journal.resume(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_an_unknown_step_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        opened(tmp_path / "journal.json").step("lunch")


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_a_step_leaves_the_journal_at_that_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "journal.json"
    monkeypatch.setenv("ORTHANCGEN_FAULTS_ALLOWED", "1")
    monkeypatch.setenv("ORTHANCGEN_FAULT", f"kill@{step}")
    assert in_child(lambda: everything(path)) == -signal.SIGKILL
    entry = read_journal(path)
    assert entry is not None
    assert entry.steps == STEPS[: STEPS.index(step) + 1]
    assert entry.process.alive() is False


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_a_step_is_an_error_as_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setenv("ORTHANCGEN_FAULTS_ALLOWED", "1")
    monkeypatch.setenv("ORTHANCGEN_FAULT", f"fail@{step}")
    with pytest.raises(DeployError, match=f"failed on purpose at the step {step}"):
        everything(tmp_path / "journal.json")


@pytest.mark.parametrize("allowed", [None, "", "0", "yes"])
def test_a_fault_needs_both_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: str | None) -> None:
    monkeypatch.setenv("ORTHANCGEN_FAULT", "fail@files")
    if allowed is not None:
        monkeypatch.setenv("ORTHANCGEN_FAULTS_ALLOWED", allowed)
    everything(tmp_path / "journal.json")


def test_whatever_is_killed_the_journal_can_be_read(tmp_path: Path) -> None:
    def some_steps(path: Path) -> None:
        journal = opened(path)
        journal.note(to_release=7)
        journal.step("files")
        journal.close()

    def prepare(number: int) -> Callable[[], object]:
        (tmp_path / str(number)).mkdir()
        return lambda: some_steps(tmp_path / str(number) / "journal.json")

    seen = []
    for number in kill_at_each_change(prepare):
        entry = read_journal(tmp_path / str(number) / "journal.json")
        seen.append((entry.to_release, len(entry.steps)) if entry else (None, 0))
    assert list(dict.fromkeys(seen)) == [(None, 0), (None, 1), (7, 1), (7, 2)]
    assert seen[-1] == (None, 0)


def test_a_step_is_on_the_disk_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power failure keeps what was synchronised: the bytes before they get their name, and then the name."""
    journal = opened(tmp_path / "journal.json")
    calls: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        calls.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name.split('.json')[0]}")
        fsync(descriptor)

    def noted_rename(path: Path, target: Path) -> Path:
        calls.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_rename)
    journal.step("files")
    assert calls == ["fsync .journal", "rename", f"fsync {tmp_path.name}"]
