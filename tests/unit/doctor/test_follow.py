"""Following a study: what is typed is judged, and what is found is told without anything of the patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Remedy
from orthancgen.doctor.follow import Step, as_text, follow
from orthancgen.errors import InputError
from orthancgen.plan.build import plan
from orthancgen.runtimes.runtime import runtime_of
from orthancgen.runtimes.state import State
from orthancgen.site.load import load
from tests.support.environments import MINIMAL


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A site that was never deployed."""
    file = tmp_path / "dev.yaml"
    file.write_text(MINIMAL)
    loaded = load(file)
    built = plan(loaded.require(), loaded.version)
    return Case(loaded, runtime_of(built, State(tmp_path / "state"), file))


@pytest.mark.parametrize(
    "typed", ["", " ", "1.2.3 or so", "1..2", ".1", "1.2.", "1" * 65, "\ud800", "１.2", "1.2\n3", "' OR 1=1", "*"]
)
def test_what_is_no_uid_is_refused(case: Case, typed: str) -> None:
    with pytest.raises(InputError):
        follow(case, study=typed, patient=None)


@pytest.mark.parametrize("typed", ["", "  ", "A\\B", "A\x00B", "A\nB", "\ud800", "x" * 65, "\u202eabc"])
def test_what_is_no_patient_id_is_refused(case: Case, typed: str) -> None:
    with pytest.raises(InputError):
        follow(case, study=None, patient=typed)


def test_one_of_the_two_is_named(case: Case) -> None:
    with pytest.raises(InputError):
        follow(case, study=None, patient=None)
    with pytest.raises(InputError):
        follow(case, study="1.2.3", patient="4711")


def test_without_orthanc_nobody_knows_and_the_cause_is_told(case: Case) -> None:
    [step] = follow(case, study="1.2.3", patient=None)
    assert (step.title, step.state) == ("Orthanc can be asked", "unknown")
    assert [one.cause for one in step.causes] == ["not-deployed"]
    assert step.remedies[0].command == "orthancgen deploy dev"
    assert step.as_dict()["causes"][0]["cause"] == "not-deployed"


def test_the_text_has_a_line_a_step_with_what_belongs_to_it() -> None:
    steps = (
        Step("it is in Orthanc", "passed", ("1 series, 2 images",)),
        Step("it is recorded", "stopped", ("1 of 2 images",), (Remedy("start it", "orthancgen deploy dev"),)),
    )
    assert as_text(steps) == (
        "ok       it is in Orthanc\n"
        "          1 series, 2 images\n"
        "STOPPED  it is recorded\n"
        "          1 of 2 images\n"
        "          1. start it\n"
        "               orthancgen deploy dev"
    )
