"""What a verification tells the backend: its checks, and whom Orthanc's log says was refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from orthancgen.doctor.case import Case
from orthancgen.doctor.refused import REASONS
from orthancgen.doctor.verification import summary, tell
from orthancgen.orthanc.messages import messages
from orthancgen.runtimes.runtime import Runtime
from orthancgen.verify.result import CheckResult, Outcome
from tests.unit.doctor.test_calls import START, case, folder, line, moved, unknown

__all__ = ["folder"]

RESULTS = (
    CheckResult("a", "It answers", "positive", Outcome.PASSED, "an answer", "an answer", 2.0),
    CheckResult("b", "It refuses", "negative", Outcome.FAILED, "a refusal", "\x1b[31mserved", 3.0, "see its log"),
)


def told(looked_at: Case) -> dict[str, Any]:
    return summary(looked_at, RESULTS, datetime.now(UTC))


def test_it_holds_the_checks_who_ran_them_and_when(folder: Path) -> None:
    document = told(case(folder))
    assert [one["outcome"] for one in document["checks"]] == ["passed", "failed"]
    assert document["checks"][1]["seen"] == "\\x1b[31mserved"
    assert "@" in document["run_by"]
    took = datetime.fromisoformat(document["finished_at"]) - datetime.fromisoformat(document["started_at"])
    assert took == timedelta(seconds=5)
    assert document["refused_associations"]["count"] == 0


def test_refused_associations_are_counted_once_each_newest_first(folder: Path) -> None:
    lines = [*unknown("US9", "10.1.2.3"), *moved("CT1", "10.9.9.9", "192.168.10.21")]
    lines.append(line("a.cpp:1] Rejected association, because of a bad called AET in the request (NOBODY)"))
    lines.append(line("a.cpp:1] Receiving Association failed: TLS error: http request"))
    found = told(case(folder, *lines, since=timedelta(days=1)))["refused_associations"]
    assert found["count"] == 4
    assert [(one["aet"], one["address"]) for one in found["latest"]] == [
        (None, None),
        ("NOBODY", None),
        ("CT1", "10.9.9.9"),
        ("US9", "10.1.2.3"),
    ]
    assert found["latest"][3]["reason"] == "the AE title is of no registered modality"


def test_those_before_the_last_start_count_and_only_the_latest_are_listed(folder: Path) -> None:
    before = [text for n in range(30) for text in unknown(f"US{n}", "10.1.2.3")]
    found = told(case(folder, *before, line(START), since=timedelta(days=1)))["refused_associations"]
    assert (found["count"], len(found["latest"])) == (30, 20)
    assert found["latest"][0]["aet"] == "US29"


def test_older_ones_do_not_count_again(folder: Path) -> None:
    assert told(case(folder, *unknown("US9", "10.1.2.3"), since=timedelta()))["refused_associations"]["count"] == 0


def test_reasons_are_of_known_messages() -> None:
    assert set(REASONS) <= {one.id for one in messages()}


@dataclass
class Backend:
    """Answers as the backend does, and keeps what it was told."""

    before: httpx.Response
    answer: httpx.Response
    kept: list[Any] = field(default_factory=list)

    def __call__(self, path: str, *, method: str = "GET", content: str | None = None) -> httpx.Response | str:
        assert path == "/api/status/verification"
        if method == "GET":
            return self.before
        self.kept.append(json.loads(content or ""))
        return self.answer


def running(folder: Path, monkeypatch: pytest.MonkeyPatch, backend: object) -> tuple[Any, Runtime]:
    one = case(folder, *unknown("US9", "10.1.2.3"))
    monkeypatch.setattr(Case, "backend", lambda _case, *args, **more: cast("Any", backend)(*args, **more))
    return one.loaded, one.runtime


def test_the_backend_is_told_what_came_since_it_was_told_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    until = datetime.now(UTC) + timedelta(seconds=5)
    for before, count in (({"verification": None}, 1), (_before(until), 0), ({"verification": "x"}, 1)):
        backend = Backend(httpx.Response(200, json=before), httpx.Response(204))
        assert tell(*running(folder, monkeypatch, backend), RESULTS) is None
        assert backend.kept[0]["refused_associations"]["count"] == count


def _before(until: datetime) -> dict[str, Any]:
    return {"verification": {"refused_associations": {"until": until.isoformat()}}}


def test_that_it_cannot_be_told_is_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = running(folder, monkeypatch, lambda *_args, **_more: "ConnectError: refused")
    assert tell(*silent, RESULTS) == "ConnectError: refused"
    older = Backend(httpx.Response(404), httpx.Response(204))
    assert tell(*running(folder, monkeypatch, older), RESULTS) == "it answered 404"
    refusing = Backend(httpx.Response(200, json={"verification": None}), httpx.Response(400))
    assert tell(*running(folder, monkeypatch, refusing), RESULTS) == "it answered 400"
