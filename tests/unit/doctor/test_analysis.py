"""What the backend tells of providers and jobs, and what it means to the questions about the analysis."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Finding, Note
from orthancgen.doctor.questions.services.analysis import QUESTIONS
from orthancgen.plan.build import plan
from orthancgen.runtimes.runtime import ServiceStatus, runtime_of
from orthancgen.runtimes.state import State
from orthancgen.site.load import load
from tests.support.environments import MINIMAL, document

RUNS, ASKED, LOGIN, DONE = QUESTIONS
ON = {"analysis/enabled": True, "orthanc/plugins": ["dicomweb"]}


def case_of(folder: Path, changes: dict[str, Any] | None = None) -> Case:
    file = folder / "dev.yaml"
    file.write_text(document(MINIMAL, ON if changes is None else changes))
    loaded = load(file)
    built = plan(loaded.require(), loaded.version)
    return Case(loaded, runtime_of(built, State(folder / "state"), file))


def told(found: list[Finding]) -> list[str]:
    return [one.cause if isinstance(one, Diagnosis) else f"note: {one.title}" for one in found]


def with_jobs(case: Case, **jobs: list[dict[str, Any]]) -> Case:
    for state in ("failed", "dead"):
        items = [
            {"provider": "image_quality", "updated_at": case.began.isoformat(), **one} for one in jobs.get(state, [])
        ]
        case.once(f"analyses {state}", lambda items=items: {"items": items})  # type: ignore[misc]
    return case


def test_without_analysis_nothing_is_asked(tmp_path: Path) -> None:
    assert not any(one.applies(case_of(tmp_path, {})) for one in QUESTIONS)
    assert all(one.applies(case_of(tmp_path)) for one in QUESTIONS)


@pytest.mark.parametrize(
    ("life", "wrong", "causes"),
    [
        ("runs", None, []),
        ("runs", "it has no provider chest", ["analysis-hangs"]),
        ("stopped", "not running", ["analysis-stopped"]),
        ("ends", "not running", ["analysis-ends-again-and-again"]),
    ],
)
def test_what_its_process_does(life: str, wrong: str | None, causes: list[str], tmp_path: Path) -> None:
    case = case_of(tmp_path)
    case.once("life of analysis", lambda: life)
    row = ServiceStatus("analysis", "running", wrong, 1 if life == "runs" else 0, 1, (8010,))
    case.__dict__["services"] = {"analysis": row}
    case.once("log of analysis", tuple)
    assert told(list(RUNS.ask(case))) == causes


@pytest.mark.parametrize(
    ("problem", "causes"),
    [
        (None, []),
        ("the provider refused the token (401): check token_file", ["analysis-refuses-backend"]),
        ("the provider cannot be reached (ECONNREFUSED)", ["analysis-not-reached"]),
        ("another provider answers there: x\x1b[31m", ["analysis-not-reached"]),
    ],
)
def test_what_the_backend_says_of_the_providers(problem: str | None, causes: list[str], tmp_path: Path) -> None:
    case = case_of(tmp_path)
    answer = {"providers": [{"id": "image_quality", "reachable": problem is None, "problem": problem}]}
    case.once("providers of analysis", lambda: answer)
    found = list(ASKED.ask(case))
    assert told(found) == causes
    assert all(evidence.text.isprintable() for one in found for evidence in one.evidence)


@pytest.mark.parametrize("answer", ["HTTP 500", {}, {"providers": "x"}, {"providers": [1, None, {"reachable": 1}]}])
def test_an_answer_of_another_form_is_no_cause(answer: Any, tmp_path: Path) -> None:
    case = case_of(tmp_path)
    for name in ("providers of analysis", "analyses failed", "analyses dead"):
        case.once(
            name, lambda: answer if not isinstance(answer, dict) else {"items": answer.get("providers"), **answer}
        )
    for question in (ASKED, LOGIN, DONE):
        assert [one for one in question.ask(case) if isinstance(one, Diagnosis)] == []


def test_orthanc_that_refuses_its_account(tmp_path: Path) -> None:
    said = "the provider answered 502: the archive refused an instance (401): check dicomweb.username"
    case = with_jobs(case_of(tmp_path), failed=[{"attempts": 2, "last_error": said}])
    [found] = LOGIN.ask(case)
    assert isinstance(found, Diagnosis)
    assert found.cause == "analysis-refused-by-orthanc"
    assert any("secrets rotate" in str(one.command) for one in found.remedies)
    assert list(DONE.ask(case)) == []


def test_what_was_given_up_is_a_cause_and_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    dead = [
        {"attempts": 10, "last_error": "no answer within 660 s"},
        {"attempts": 1, "last_error": "no instance could be examined"},
    ]
    found = list(DONE.ask(with_jobs(case_of(tmp_path), dead=dead)))
    assert told(found) == ["analysis-given-up", "note: a study could not be analysed for what it holds"]
    assert isinstance(found[1], Note)
    assert "no answer within 660 s" in found[0].evidence[0].text


def test_what_is_long_past_does_not_count(tmp_path: Path) -> None:
    case = case_of(tmp_path)
    old = (case.began - timedelta(hours=25)).isoformat()
    dead = [{"attempts": 10, "last_error": "x", "updated_at": old}]
    assert list(DONE.ask(with_jobs(case, dead=dead))) == []
