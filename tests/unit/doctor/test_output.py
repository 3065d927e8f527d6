from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from click.testing import CliRunner
from rich.console import Console

from orthancgen.cli.doctor import doctor
from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import AREAS, Diagnosis, Evidence, Fix, Note, Remedy
from orthancgen.doctor.documentation import TITLES, page
from orthancgen.doctor.output import as_document, show, summary
from orthancgen.doctor.question import Answer, Asked, Question
from orthancgen.doctor.questions import QUESTIONS
from orthancgen.orthanc.messages import messages
from orthancgen.plan.build import plan as build_plan
from orthancgen.runtimes.runtime import Runtime
from orthancgen.runtimes.state import State
from tests.support.environments import MINIMAL, NEWEST, load_text

UNKNOWN = Diagnosis(
    "calling-aet-unknown",
    "the caller CT9 at 192.0.2.77 is refused: no modality has that AE title",
    "caller CT9 at 192.0.2.77",
    (Evidence("Rejected association for remote AET CT9 on IP 192.0.2.77", "log of orthanc", "2026-11-27 13:05:09"),),
    (
        Remedy("register it", "orthancgen modalities add prod ct9 --aet CT9", on="the environment file"),
        Remedy("enter CT1 as its own AE title", on="the modality"),
    ),
    fix=Fix("restart", "orthanc"),
)


def question(name: str) -> Question:
    return Question(name, f"{name}?", "admission", lambda _: (), (name,))


def shown(*answers: Answer, verbose: bool = False) -> str:
    out = io.StringIO()
    show(Console(file=out, highlight=False, markup=False, emoji=False, width=120), answers, verbose=verbose)
    return out.getvalue()


def test_a_cause_is_shown_with_evidence_and_what_to_do() -> None:
    assert shown(Answer(question("callers"), Asked.FOUND, (UNKNOWN,))) == (
        "\n"
        "1. the caller CT9 at 192.0.2.77 is refused: no modality has that AE title\n"
        "   calling-aet-unknown, about caller CT9 at 192.0.2.77\n"
        "   seen: 2026-11-27 13:05:09  log of orthanc\n"
        "         Rejected association for remote AET CT9 on IP 192.0.2.77\n"
        "   to do: 1. in the environment file: register it\n"
        "             orthancgen modalities add prod ct9 --aet CT9\n"
        "          2. at the modality: enter CT1 as its own AE title\n"
        "   --fix mends it: restart of orthanc\n"
        "\n"
        "1 cause found\n"
    )


def test_the_last_line_says_what_was_asked_and_what_was_not() -> None:
    well, found = Answer(question("a"), Asked.WELL), Answer(question("b"), Asked.FOUND, (UNKNOWN,))
    explained = Answer(question("c"), Asked.EXPLAINED, detail="orthanc-stopped")
    broken, skipped = (
        Answer(question("d"), Asked.BROKEN, detail="ValueError: x"),
        Answer(question("e"), Asked.NOT_APPLICABLE),
    )
    assert summary([well, well, skipped]) == "2 questions asked, all is well"
    assert summary([well, Answer(question("n"), Asked.FOUND, (Note("so"),))]) == "2 questions asked, all is well"
    assert summary([found, explained, explained]) == (
        "1 cause found; 2 questions not asked: explained by orthanc-stopped"
    )
    assert summary([well, broken]) == "1 question asked; 1 question could not be asked"


def test_every_question_is_listed_when_wanted() -> None:
    text = shown(Answer(question("a"), Asked.WELL), Answer(question("b"), Asked.EXPLAINED, detail="x"), verbose=True)
    assert "well            admission    a?" in text
    assert "explained       admission    b? (x)" in text


def test_what_a_caller_typed_cannot_move_the_cursor() -> None:
    hostile = "CT\x1b[2J\r\n9\ud800\u202e"
    one = Diagnosis(hostile, hostile, hostile, (Evidence(hostile, hostile, hostile),), (Remedy(hostile, hostile),))
    text = shown(Answer(question("a"), Asked.FOUND, (one, Note(hostile, (Evidence(hostile, hostile),)))), verbose=True)
    assert not {c for c in text if not c.isprintable()} - {"\n"}


@pytest.fixture
def case(tmp_path: Path) -> Case:
    loaded = load_text(MINIMAL, tmp_path)
    runtime = SimpleNamespace(plan=build_plan(loaded.require(), NEWEST), state=State(tmp_path))
    return Case(loaded, cast("Runtime", runtime), named="dev", modality=None)


def test_the_document_holds_causes_notes_and_every_question(case: Case) -> None:
    answers = [
        Answer(question("a"), Asked.FOUND, (UNKNOWN, Note("so"))),
        Answer(question("b"), Asked.BROKEN, detail="x"),
    ]
    document = json.loads(json.dumps(as_document(case, answers)))
    assert (document["environment"], document["healthy"], document["since_seconds"]) == ("dev", False, 86_400)
    assert document["diagnoses"][0]["cause"] == "calling-aet-unknown"
    assert document["diagnoses"][0]["fix"] == {"name": "restart", "service": "orthanc"}
    assert document["notes"] == [{"title": "so", "evidence": []}]
    assert [(row["id"], row["asked"], row["detail"]) for row in document["questions"]] == [
        ("a", "found", None), ("b", "broken", "x"),
    ]  # fmt: skip


def test_a_site_where_all_is_well_is_healthy(case: Case) -> None:
    assert as_document(case, [Answer(question("a"), Asked.WELL)])["healthy"] is True


@pytest.mark.parametrize("span", ["", "24", "h", "0m", "-1h", "1w", "99999d", "1 h", "１h", "1h\x00", "9" * 5000 + "h"])
def test_a_span_that_is_none_is_refused(span: str) -> None:
    done = CliRunner().invoke(doctor, ["dev", "--since", span])
    assert (done.exit_code, "span" in done.output) == (2, True)


def test_an_unknown_modality_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    load_text(MINIMAL + "modalities: {ct1: {aet: CT1, address: 192.0.2.10}}\n", tmp_path)
    done = CliRunner().invoke(doctor, [str(tmp_path / "dev.yaml"), "--state", str(tmp_path), "--modality", "ct2"])
    assert str(done.exception) == "no modality ct2"


def test_options_that_go_with_others_say_so() -> None:
    assert "--yes goes with --fix" in str(CliRunner().invoke(doctor, ["dev", "--yes"]).exception)
    assert "no terminal" in str(CliRunner().invoke(doctor, ["dev", "--fix"]).exception)
    assert "-o goes with --from" in str(CliRunner().invoke(doctor, ["dev", "-o", "x"]).exception)


def test_the_page_names_every_cause_and_every_line() -> None:
    text = page(QUESTIONS, messages())
    assert all(f"`{cause}`" in text for one in QUESTIONS for cause in one.causes)
    assert all(one.means in text for one in messages())
    assert set(TITLES) == set(AREAS)
