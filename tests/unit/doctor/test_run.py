from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import AREAS, Area, Diagnosis, Evidence, Finding, Note, Remedy
from orthancgen.doctor.question import Asked, Question
from orthancgen.doctor.questions import QUESTIONS
from orthancgen.doctor.run import diagnoses, in_order, notes, run
from orthancgen.plan.build import plan as build_plan
from orthancgen.runtimes.proofs import Span, noted, spans
from orthancgen.runtimes.runtime import Runtime
from orthancgen.runtimes.state import State
from tests.support.environments import MINIMAL, NEWEST, load_text


def case(folder: Path) -> Case:
    loaded = load_text(MINIMAL, folder)
    state = State(folder / "state")
    state.root.mkdir(exist_ok=True)
    runtime = SimpleNamespace(plan=build_plan(loaded.require(), NEWEST), state=state)
    return Case(loaded, cast("Runtime", runtime), named="dev")


def cause(name: str, *explains: Area) -> Diagnosis:
    evidence, remedies = (Evidence("seen", "here"),), (Remedy("do"),)
    return Diagnosis(name, name, "orthanc", evidence, remedies, explains=frozenset(explains))


def question(
    name: str,
    area: Area,
    *found: Finding,
    needs: Iterable[Area] = (),
    ask: Callable[[Case], Iterable[Finding]] | None = None,
) -> Question:
    return Question(name, f"{name}?", area, ask or (lambda _: found), (name,), frozenset(needs))


def asked(folder: Path, *questions: Question) -> dict[str, tuple[Asked, str | None]]:
    return {one.question.id: (one.asked, one.detail) for one in run(case(folder), questions)}


def test_questions_are_asked_by_area_and_then_as_they_stand() -> None:
    questions = question("v", "viewer"), question("a", "way_in"), question("e", "engine"), question("b", "way_in")
    assert [one.id for one in in_order(questions)] == ["e", "a", "b", "v"]


def test_what_a_cause_explains_is_not_asked(tmp_path: Path) -> None:
    found = asked(
        tmp_path,
        question("stopped", "orthanc", cause("orthanc-stopped", "admission", "web")),
        question("callers", "admission"),
        question("clients", "way_in", needs=["web"]),
        question("room", "storage"),
    )
    assert found == {
        "stopped": (Asked.FOUND, None),
        "callers": (Asked.EXPLAINED, "orthanc-stopped"),
        "clients": (Asked.EXPLAINED, "orthanc-stopped"),
        "room": (Asked.WELL, None),
    }


def test_a_note_explains_nothing_and_is_no_cause(tmp_path: Path) -> None:
    answers = run(case(tmp_path), [question("n", "way_in", Note("worth knowing"))])
    assert answers[0].asked is Asked.FOUND
    assert diagnoses(answers) == ()
    assert notes(answers) == (Note("worth knowing"),)


def test_a_question_that_breaks_is_told_and_the_others_are_asked(tmp_path: Path) -> None:
    def broken(_: Case) -> Iterable[Finding]:
        yield cause("seen-before-it-broke")
        raise ValueError("no such thing")

    found = asked(tmp_path, question("breaks", "orthanc", ask=broken), question("next", "viewer"))
    assert found == {"breaks": (Asked.BROKEN, "ValueError: no such thing"), "next": (Asked.WELL, None)}


def test_ids_are_unique_and_every_area_has_an_order() -> None:
    assert len({one.id for one in QUESTIONS}) == len(QUESTIONS)
    assert {one.area for one in QUESTIONS} <= set(AREAS)
    for one in QUESTIONS:
        assert one.text.endswith("?"), one.id
        assert one.id == one.id.lower(), one.id


def test_the_doctor_writes_down_when_it_asked(tmp_path: Path) -> None:
    during: list[bool] = []

    def ask(looked_at: Case) -> Iterable[Finding]:
        during.append(any(datetime.now(UTC) in span for span in spans(looked_at.runtime.state)))
        return ()

    run(case(tmp_path), [question("now", "web", ask=ask)])
    assert during == [True]
    (span,) = spans(State(tmp_path / "state"))
    assert span.end is not None
    assert datetime.now(UTC) + timedelta(seconds=5) not in span


def test_the_last_fifty_runs_are_kept(tmp_path: Path) -> None:
    state = State(tmp_path)
    for _ in range(60):
        with noted(state):
            pass
    assert len(spans(state)) == 50
    assert (tmp_path / "proofs.json").stat().st_mode & 0o777 == 0o600


def test_a_run_that_was_killed_is_taken_to_end(tmp_path: Path) -> None:
    (tmp_path / "proofs.json").write_text('[{"begin": "2026-11-27T10:00:00+00:00", "end": null}]')
    begin = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    assert spans(State(tmp_path)) == (Span(begin, begin + timedelta(minutes=10)),)


def test_a_damaged_file_of_runs_is_none(tmp_path: Path) -> None:
    for text in ("", "{", "[" * 100_000, '{"begin": 1}', '[1, {"begin": 7, "end": []}, {"begin": "2026", "end": ""}]'):
        (tmp_path / "proofs.json").write_text(text)
        assert spans(State(tmp_path)) == ()
    with noted(State(tmp_path / "not there")):
        pass
    assert not (tmp_path / "not there").exists()
