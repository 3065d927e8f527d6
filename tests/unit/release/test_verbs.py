"""history, lock and plan, in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orthancgen.release.audit_log import AuditLog, Event
from orthancgen.release.lock import FileLock, Holder
from orthancgen.release.model import Source, Verified, Who, now
from orthancgen.release.store import ReleaseStore
from orthancgen.release.who import this_process
from tests.support.environments import MINIMAL
from tests.support.releases import bundle, draft

WITH_FILE_LOCK = """
from orthancgen.cli import main
from orthancgen.release.lock import FileLock
from orthancgen.runtimes.native.runtime import NativeRuntime
NativeRuntime.lock_stores = lambda self: (FileLock(self.state.root / "lock.json"),)
main()
"""
"""The command line, with a lock for which no engine is needed (that of an engine: tests/live/test_release_lock.py)."""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of an environment `dev` that was deployed thrice: good, failed, good."""
    (tmp_path / "dev.yaml").write_text(MINIMAL)
    folder = tmp_path / "state" / "dev"
    folder.mkdir(parents=True)
    store = ReleaseStore(folder)
    store.complete(store.begin(draft(), bundle(orthanc__orthanc_json='{"DicomPort": 104}')), verified=Verified(12, 0))
    store.fail(store.begin(draft(reason="an attempt"), bundle(orthanc__orthanc_json="{}")), Verified(11, 1))
    source = Source("dev.yaml", "1" * 40, dirty=True)
    changes = {"reason": "", "source": source, "secrets": {"webhook_token": "x"}}
    store.complete(store.begin(draft(**changes), bundle(orthanc__orthanc_json='{"DicomPort": 2762}')))
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", WITH_FILE_LOCK, *arguments, "--state", "state"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "Traceback" not in done.stderr + done.stdout
    return done


def test_history_shows_the_newest_first(state: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "history", "dev.yaml")
    assert done.returncode == 0, done.stderr
    header, third, second, first = done.stdout.splitlines()
    assert "commit" in header
    for words, line in (
        (("*", "3", "operator on host1", "1111111111+", "good", "orthanc/orthanc.json", "secret webhook_token"), third),
        (("2", "0000000000 ", "failed", "11/12", "an attempt", "orthanc/orthanc.json"), second),
        (("1", "good", "12/12", "a reason: the first release"), first),
    ):  # fmt: skip
        for word in words:
            assert word in line
    assert "*" not in second + first


def test_history_as_a_document(state: Path, tmp_path: Path) -> None:
    document = json.loads(run(tmp_path, "history", "dev.yaml", "--json").stdout)
    assert [(one["release"], one["current"], one["state"]) for one in document["releases"]] == [
        (3, True, "good"),
        (2, False, "failed"),
        (1, False, "good"),
    ]
    assert document["releases"][0]["source"] == {"path": "dev.yaml", "commit": "1" * 40, "dirty": True}
    assert document["releases"][0]["compared_with"] == 1
    assert "secrets" not in document["releases"][0]
    assert document["audit_log"] == {"lines": 0, "broken_at": None, "why": None}


def test_history_says_when_the_audit_log_was_edited(state: Path, tmp_path: Path) -> None:
    log = AuditLog(state / "audit.jsonl")
    for _ in range(2):
        log.append(Event("deploy", "dev", Who("operator", "host1"), "good"), {})
    assert run(tmp_path, "history", "dev.yaml").returncode == 0
    log.path.write_bytes(log.path.read_bytes().replace(b"good", b"nice", 1))
    done = run(tmp_path, "history", "dev.yaml")
    assert done.returncode == 1
    assert "line 2: the line before it was edited" in done.stderr


def test_history_names_a_damaged_record(state: Path, tmp_path: Path) -> None:
    (state / "releases/0002/release.json").write_text("{")
    done = run(tmp_path, "history", "dev.yaml")
    assert done.returncode == 4
    assert "releases/0002/release.json" in done.stderr
    assert "hint" in done.stderr


def test_history_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").write_text(MINIMAL)
    done = run(tmp_path, "history", "dev.yaml")
    assert done.returncode == 0
    assert "dev has no releases" in done.stdout


def hold(state: Path, **changes: object) -> FileLock:
    process = replace(this_process(), **changes)  # type: ignore[arg-type]
    file = FileLock(state / "lock.json")
    assert file.create(Holder("dev", "deploy", "an update", Who("operator", "host1"), now(), process, "t"))
    return file


def test_a_lock_is_shown(state: Path, tmp_path: Path) -> None:
    assert run(tmp_path, "lock", "dev.yaml").returncode == 0
    hold(state)
    done = run(tmp_path, "lock", "dev.yaml")
    assert done.returncode == 1
    assert f"deploy by operator on host1 (process {os.getpid()}, which still runs)" in done.stdout
    done = run(tmp_path, "lock", "dev.yaml", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["held"] is True
    assert document["holders"][0]["alive"] is True
    assert document["holders"][0]["reason"] == "an update"


def test_a_dead_lock_is_broken_on_demand_and_that_is_logged(state: Path, tmp_path: Path) -> None:
    file = hold(state, started_ticks=1)
    done = run(tmp_path, "lock", "dev.yaml", "--break")
    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    assert file.read() is not None
    done = run(tmp_path, "lock", "dev.yaml", "--break", "--yes")
    assert (done.returncode, done.stdout.startswith("broken: ")) == (0, True)
    assert file.read() is None
    line = json.loads((state / "audit.jsonl").read_text())
    assert (line["verb"], line["outcome"]) == ("lock", "broken")
    assert "an update" in line["details"]
    done = run(tmp_path, "lock", "dev.yaml", "--break", "--yes")
    assert (done.returncode, done.stdout) == (0, "free\n")


def test_a_lock_in_use_is_not_broken_without_force(state: Path, tmp_path: Path) -> None:
    file = hold(state)
    done = run(tmp_path, "lock", "dev.yaml", "--break", "--yes")
    assert done.returncode == 4
    assert "--force" in done.stderr
    assert file.read() is not None
    assert run(tmp_path, "lock", "dev.yaml", "--break", "--yes", "--force").returncode == 0
    assert file.read() is None


def test_breaking_is_confirmed_at_a_terminal(state: Path, tmp_path: Path) -> None:
    file = hold(state, started_ticks=1)
    for answer, code, left in (("n\n", 1, True), ("y\n", 0, False)):
        pid, terminal = os.forkpty()
        if pid == 0:
            os.chdir(tmp_path)
            os.execv(
                sys.executable,
                [sys.executable, "-c", WITH_FILE_LOCK, "lock", "dev.yaml", "--break", "--state", "state"],
            )
        shown = b""
        while b"Break this lock?" not in shown:
            shown += os.read(terminal, 4096)
        assert b"does not run any more" in shown
        os.write(terminal, answer.encode())
        try:
            while os.read(terminal, 4096):
                pass
        except OSError:  # how Linux says that the other side of a terminal is closed
            pass
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code
        os.close(terminal)
        assert (file.read() is not None) == left
