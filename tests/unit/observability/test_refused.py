"""Refused calls are counted from one measurement to the next: each once, and never before the first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orthancgen.doctor.case import Case
from orthancgen.observability import refused

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ID = "calling-aet-unknown"


def case_at(root: Path, at: datetime) -> Case:
    known = SimpleNamespace(
        runtime=SimpleNamespace(state=SimpleNamespace(root=root)), began=at, since=timedelta(hours=1)
    )
    return cast("Case", known)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """When calls were refused, by Orthanc's log; a test fills it."""
    found: list[datetime] = []

    def of(case: Any, *ids: str) -> list[Any]:
        assert ID in ids
        return [SimpleNamespace(at=at, message=SimpleNamespace(id=ID)) for at in found if at >= case.began - case.since]

    monkeypatch.setattr("orthancgen.doctor.observe.orthanc_log.of", of)
    return found


def test_what_was_before_the_first_measurement_does_not_count(tmp_path: Path, log: list[datetime]) -> None:
    log.append(NOON - timedelta(minutes=1))
    assert refused.count(case_at(tmp_path, NOON)) == dict.fromkeys(refused.REASONS, 0)


def test_each_is_counted_once(tmp_path: Path, log: list[datetime]) -> None:
    refused.count(case_at(tmp_path, NOON))
    log += [NOON, NOON + timedelta(minutes=5), NOON + timedelta(minutes=10)]
    assert refused.count(case_at(tmp_path, NOON + timedelta(minutes=10)))[ID] == 2  # the last one is the next one's
    assert refused.count(case_at(tmp_path, NOON + timedelta(minutes=20)))[ID] == 3
    assert refused.count(case_at(tmp_path, NOON + timedelta(days=3)))[ID] == 3


def test_a_clock_that_was_set_back_counts_nothing_twice(tmp_path: Path, log: list[datetime]) -> None:
    refused.count(case_at(tmp_path, NOON))
    log.append(NOON - timedelta(hours=2))
    assert refused.count(case_at(tmp_path, NOON - timedelta(hours=1)))[ID] == 0


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", "nonsense", '{"until": "2026", "refused": []}', '{"until": 1, "refused": {}}',
        '{"until": "2026-01-02T11:00:00+00:00", "refused": {"calling-aet-unknown": "many", "other": 3}}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_memory_begins_anew(tmp_path: Path, log: list[datetime], text: str) -> None:
    (tmp_path / "refused.json").write_text(text)
    assert refused.count(case_at(tmp_path, NOON)) == dict.fromkeys(refused.REASONS, 0)
    document = json.loads((tmp_path / "refused.json").read_text())
    assert document["until"] == NOON.isoformat()
    assert (tmp_path / "refused.json").stat().st_mode & 0o777 == 0o600


def test_a_state_that_is_not_there_is_not_made(tmp_path: Path, log: list[datetime]) -> None:
    assert refused.count(case_at(tmp_path / "none", NOON))[ID] == 0
    assert not (tmp_path / "none").exists()
