from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orthancgen.errors import DeployError
from orthancgen.release.audit_log import FIRST, AuditLog, Event
from orthancgen.release.model import Verified, Who
from orthancgen.secrets.value import SecretValue
from tests.support.killed import in_child, kill_at_each_change

EVENT = Event(
    verb="deploy",
    environment="test",
    who=Who("operator", "host1"),
    outcome="good",
    reason="monthly update",
    from_release=1,
    to_release=2,
    changed=("orthanc",),
    seconds=12.5,
    verified=Verified(12, 0),
)


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "audit.jsonl")


def filled(log: AuditLog, count: int = 4) -> list[bytes]:
    for _ in range(count):
        log.append(EVENT, {})
    return log.path.read_bytes().split(b"\n")[:-1]


def test_a_line_an_event(log: AuditLog) -> None:
    lines = filled(log, 2)
    assert log.path.stat().st_mode & 0o777 == 0o600
    first, second = (json.loads(line) for line in lines)
    assert first["previous"] == FIRST
    assert first["time"].endswith("Z")
    assert first["who"] == {"login": "operator", "host": "host1"}
    assert (first["from_release"], first["to_release"], first["changed"]) == (1, 2, ["orthanc"])
    assert first["verified"] == {"passed": 12, "failed": 0}
    assert second["previous"] != FIRST
    chain = log.verify_chain()
    assert (chain.lines, chain.broken_at) == (2, None)


def test_nothing_is_a_whole_log(log: AuditLog) -> None:
    assert log.verify_chain().broken_at is None


def test_secrets_are_hidden_wherever_they_stand(log: AuditLog) -> None:
    secret = 'pass"word\\with\nquotes'
    event = Event("deploy", "test", Who("operator", "h"), "failed", reason=f"with {secret}", details=secret * 2)
    log.append(event, {"orthanc_password": SecretValue(secret)})
    text = log.path.read_text()
    line = json.loads(text)
    assert line["reason"] == "with [orthanc_password]"
    assert line["details"] == "[orthanc_password][orthanc_password]"
    assert "pass" not in text.replace("[orthanc_password]", "")


def test_a_line_break_in_a_reason_makes_no_line(log: AuditLog) -> None:
    log.append(Event("deploy", "test", Who("o", "h"), "good", reason='x"}\n{"verb": "forged"}\u2028'), {})
    assert len(log.path.read_bytes().splitlines()) == 1
    assert log.verify_chain().broken_at is None


def edit(line: int) -> Callable[[list[bytes]], list[bytes]]:
    return lambda lines: [one.replace(b"good", b"bad!") if n == line else one for n, one in enumerate(lines, 1)]


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        (edit(1), 2),
        (edit(3), 4),
        (edit(4), 4),  # the last one, which no line follows
        (lambda lines: lines[1:], 1),
        (lambda lines: lines[:1] + lines[2:], 2),
        (lambda lines: lines[:3], 4),
        (lambda lines: [], 1),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2),
        (lambda lines: [*lines[:2], b'{"forged": true}', *lines[2:]], 3),
        (lambda lines: [*lines[:2], b"no JSON", *lines[2:]], 3),
        (lambda lines: [*lines, lines[3]], 5),
    ],
)
def test_every_edit_is_noticed(log: AuditLog, change: Callable[[list[bytes]], list[bytes]], broken_at: int) -> None:
    log.path.write_bytes(b"".join(line + b"\n" for line in change(filled(log))))
    chain = log.verify_chain()
    assert chain.broken_at == broken_at
    assert chain.why


def test_a_missing_file_beside_it_is_noticed(log: AuditLog) -> None:
    filled(log)
    log.head.unlink()
    assert log.verify_chain().broken_at == 1


@pytest.mark.parametrize("content", ["", "{}", '{"lines": -3, "sha256": "0"}', '{"lines": 0, "sha256": "0"}'])
def test_a_damaged_file_beside_it_is_noticed(log: AuditLog, content: str) -> None:
    filled(log)
    log.head.write_text(content)
    assert log.verify_chain().broken_at is not None


@pytest.mark.parametrize("length", [1, 20, -2])
def test_a_line_that_was_cut_off_by_a_crash_is_told_and_the_chain_goes_on(log: AuditLog, length: int) -> None:
    lines = filled(log, 2)
    log.path.write_bytes(b"".join(line + b"\n" for line in lines) + lines[0][:length])
    assert log.verify_chain().broken_at is None
    log.append(EVENT, {})
    found = log.path.read_bytes().split(b"\n")[:-1]
    assert found[:2] == lines
    assert found[2] == lines[0][:length]
    assert json.loads(found[3])["outcome"] == "the line above was cut off by a crash"
    assert json.loads(found[4])["verb"] == "deploy"
    assert log.verify_chain().broken_at is None
    found[2] = found[2] + b" "
    log.path.write_bytes(b"".join(line + b"\n" for line in found))
    assert log.verify_chain().broken_at is not None


def test_two_that_write_at_once_make_one_chain(log: AuditLog) -> None:
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            try:
                filled(log, 10)
            finally:
                os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    chain = log.verify_chain()
    assert (chain.lines, chain.broken_at) == (40, None)


def test_it_may_be_killed_anywhere(tmp_path: Path) -> None:
    def prepare(number: int) -> Callable[[], object]:
        (tmp_path / str(number)).mkdir()
        log = AuditLog(tmp_path / str(number) / "audit.jsonl")
        return lambda: filled(log, 2)

    killed = 0
    for number in kill_at_each_change(prepare):
        killed = number
        log = AuditLog(tmp_path / str(number) / "audit.jsonl")
        assert log.verify_chain().broken_at is None
        log.append(EVENT, {})
        assert log.verify_chain().broken_at is None
    assert killed >= 6
    assert in_child(lambda: None) == 0


def test_a_place_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("where a folder belongs")
    with pytest.raises(DeployError, match="cannot write") as caught:
        AuditLog(tmp_path / "file" / "audit.jsonl").append(EVENT, {})
    assert caught.value.hint
