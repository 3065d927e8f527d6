from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orthancgen.errors import DeployError, LockedError
from orthancgen.release.lock import FileLock, Holder, Lock, break_lock, holders
from orthancgen.release.model import Who
from orthancgen.release.who import age, this_process
from tests.support.killed import KILLED, in_child, kill_at_each_change

HOLD = """
import signal, sys, time
from pathlib import Path
from orthancgen import cli
from orthancgen.release.lock import FileLock, Lock
signal.signal(signal.SIGTERM, cli._end)  # as the command line does
signal.signal(signal.SIGINT, signal.default_int_handler)
with Lock.acquire("test", "deploy", "a long one", [FileLock(Path(sys.argv[1]))]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def file(tmp_path: Path) -> FileLock:
    return FileLock(tmp_path / "state" / "lock.json")


@pytest.fixture
def other(file: FileLock) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(file.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_who_comes_second_learns_who_was_first(file: FileLock) -> None:
    with Lock.acquire("test", "deploy", "an update", [file]):
        with pytest.raises(LockedError) as caught:
            Lock.acquire("test", "rollback", "", [file])
        for word in ("deploy by", f"process {os.getpid()}", "still runs", "less than a minute", "an update"):
            assert word in caught.value.message
        assert str(file.path) in caught.value.message
        assert file.path.stat().st_mode & 0o777 == 0o600
    assert holders([file]) == ()
    with Lock.acquire("test", "deploy", "", [file]):
        pass


def test_it_is_taken_everywhere_or_nowhere(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "1"), FileLock(tmp_path / "2")
    with Lock.acquire("test", "deploy", "", [second]):
        with pytest.raises(LockedError):
            Lock.acquire("test", "deploy", "", [first, second])
        assert first.read() is None
    with Lock.acquire("test", "deploy", "", [first, second]) as lock:
        assert first.read() == second.read() == lock.holder
    assert holders([first, second]) == ()


def test_only_one_of_many_gets_it(tmp_path: Path) -> None:
    file, go = FileLock(tmp_path / "lock.json"), tmp_path / "go"

    def contend(number: int) -> None:
        while not go.exists():
            pass
        with contextlib.suppress(LockedError):
            Lock.acquire("test", "deploy", str(number), [file])
            with (tmp_path / "won").open("a") as won:
                won.write(f"{number}\n")

    children = []
    for number in range(6):
        pid = os.fork()
        if pid == 0:
            try:
                contend(number)
            finally:
                os._exit(0)
        children.append(pid)
    go.touch()
    for pid in children:
        os.waitpid(pid, 0)
    winners = (tmp_path / "won").read_text().split()
    holder = file.read()
    assert holder is not None
    assert winners == [holder.reason]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["go", "lock.json", "won"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_gives_it_back(file: FileLock, other: subprocess.Popen[str], number: int) -> None:
    with pytest.raises(LockedError, match=f"process {other.pid}, which still runs"):
        Lock.acquire("test", "deploy", "", [file])
    other.send_signal(number)
    other.wait(60)
    assert file.read() is None


def test_a_killed_run_leaves_it_until_it_is_broken(file: FileLock, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait(60)
    with pytest.raises(LockedError, match="does not run any more") as caught:
        Lock.acquire("test", "deploy", "", [file])
    assert caught.value.hint is not None
    assert "orthancgen lock test --break" in caught.value.hint
    break_lock(holders([file]))
    with Lock.acquire("test", "deploy", "", [file]):
        pass


def test_a_lock_in_use_is_broken_by_force_alone(file: FileLock, other: subprocess.Popen[str]) -> None:
    found = holders([file])
    with pytest.raises(LockedError, match="the lock is in use") as caught:
        break_lock(found)
    assert caught.value.hint is not None
    assert str(other.pid) in caught.value.hint
    assert holders([file]) == found
    break_lock(found, force=True)
    assert holders([file]) == ()


def test_a_lock_that_was_taken_since_is_not_broken(file: FileLock) -> None:
    with Lock.acquire("test", "deploy", "", [file]):
        seen = holders([file])
    with Lock.acquire("test", "deploy", "", [file]) as lock:
        break_lock(seen, force=True)
        assert file.read() == lock.holder


def test_who_lost_the_lock_does_not_give_back_that_of_another(file: FileLock) -> None:
    first = Lock.acquire("test", "deploy", "", [file])
    break_lock(holders([file]), force=True)
    with Lock.acquire("test", "deploy", "", [file]) as second:
        first.release()
        assert file.read() == second.holder


def test_a_forked_child_does_not_give_it_back(file: FileLock) -> None:
    with Lock.acquire("test", "deploy", "", [file]) as lock:
        assert in_child(lock.release) == 0
        assert file.read() == lock.holder


def test_a_kill_while_it_is_taken_leaves_a_whole_lock_or_none(file: FileLock, tmp_path: Path) -> None:
    killed = 0
    for number in kill_at_each_change(
        lambda number: lambda: Lock.acquire("test", "deploy", "", [FileLock(tmp_path / str(number) / "lock.json")])
    ):
        killed = number
        left = FileLock(tmp_path / str(number) / "lock.json").read()
        assert left is None or left.environment == "test"
    assert killed >= 4


def test_a_damaged_lock_names_its_file(file: FileLock) -> None:
    file.path.parent.mkdir()
    file.path.write_text("")
    with pytest.raises(DeployError, match="a lock is damaged") as caught:
        Lock.acquire("test", "deploy", "", [file])
    assert str(file.path) in caught.value.message


def holder(**changes: object) -> Holder:
    here = replace(this_process(), **changes)  # type: ignore[arg-type]
    return Holder("test", "deploy", "", Who("operator", here.host), "2026-01-01T00:00:00Z", here, "t")


@pytest.mark.parametrize(
    ("changes", "alive"),
    [
        ({}, True),
        ({"host": "elsewhere"}, None),
        ({"machine": "another"}, None),
        ({"namespace": 1}, None),
        ({"boot": "before the last start"}, False),
        ({"started_ticks": 1}, False),  # the number was given to another process
        ({"pid": 2**22 + 1}, False),
    ],
)
def test_what_became_of_a_process(changes: dict[str, object], alive: bool | None) -> None:
    if "boot" in changes and not this_process().machine:
        alive = None
    assert holder(**changes).process.alive() is alive


def test_who_cannot_be_seen_is_to_be_asked(file: FileLock) -> None:
    file.path.parent.mkdir()
    assert file.create(holder(host="elsewhere"))
    with pytest.raises(LockedError, match=r"operator on elsewhere .*cannot be seen from here") as caught:
        Lock.acquire("test", "deploy", "", [file])
    assert caught.value.hint is not None
    assert "ask operator on elsewhere" in caught.value.hint


def test_a_zombie_is_no_process() -> None:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    process = replace(this_process(), pid=pid, started_ticks=_ticks(pid))
    assert process.alive() is True
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert process.alive() is False
    os.waitpid(pid, 0)


def _ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


@pytest.mark.parametrize(
    ("since", "words"),
    [
        ("2026-01-09T23:59:30Z", "less than a minute"),
        ("2026-01-09T23:58:59Z", "1 minute"),
        ("2026-01-09T21:30:00Z", "2 hours"),
        ("2026-01-01T00:00:00Z", "9 days"),
        ("2026-02-01T00:00:00Z", "less than a minute"),  # another clock
        ("at noon\x1b[2J", "the time since at noon\\x1b[2J"),
    ],
)
def test_ages(since: str, words: str) -> None:
    assert age(since, datetime(2026, 1, 10, tzinfo=UTC)) == words


def test_killed_is_what_it_says() -> None:
    assert in_child(lambda: os.kill(os.getpid(), signal.SIGKILL)) == KILLED
