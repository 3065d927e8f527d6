from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.interpolation import Interpolated, interpolate, read_variables_file

VALUES = {"Q": "q", "E": ""}


@pytest.mark.parametrize(
    ("text", "result", "known", "used"),
    [
        ("plain", "plain", True, False), ("a$$b", "a$b", True, False), ("$Q!", "q!", True, True),
        ("${Q}", "q", True, True), ("$NO", "$NO", False, True), ("${NO}", "${NO}", False, True),
        ("${NO:-d}", "d", True, True), ("${NO:-}", "", True, True), ("${E:-d}", "d", True, True),
        ("${E-d}", "", True, True), ("${Q:+r}", "r", True, True), ("${NO:+r}", "", True, True),
        ("${E:+r}", "", True, True), ("${E+r}", "r", True, True), ("${Q:?no}", "q", True, True),
        ("${NO:?no}", "${NO:?no}", False, True), ("${NO:-${Q}}", "q", True, True),
        ("${NO:-${OTHER}}", "${OTHER}", False, True),
        ("${Q:-${OTHER}}", "q", True, True), ("${NO:-a}b}", "ab}", True, True), ("x${Q}y${Q}", "xqyq", True, True),
        ("${NO", "${NO", True, False), ("$", "$", True, False), ("$1", "$1", True, False), ("${}", "${}", True, False),
        ("$${Q}", "${Q}", True, False), ("${Q:x}", "${Q:x}", True, False),
    ],
)  # fmt: skip
def test_as_compose_does_it(text: str, result: str, known: bool, used: bool) -> None:
    assert interpolate(text, VALUES) == Interpolated(result, known, used)


def test_depth_and_length_are_bounded() -> None:
    assert interpolate("${A:-" * 50_000, {}).known
    assert len(interpolate("${A}" * 5000, {"A": "x" * 10_000}).text) <= 1024 * 1024


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="$${}{}QNE:-+?x ", max_size=40))
def test_any_text(text: str) -> None:
    done = interpolate(text, VALUES)
    assert done.known or done.used
    if "$" not in text:
        assert done.text == text


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("A=1\nB=2\n", {"A": ("1", 1), "B": ("2", 2)}),
        ("# A=1\n\n  B = 2 \r\n", {"B": ("2", 3)}),
        ("export A=x", {"A": ("x", 1)}),
        ("A", {"A": (None, 1)}),
        ("A=", {"A": ("", 1)}),
        ("A='x # y' # z", {"A": ("x # y", 1)}),
        ('A="x\\ny\\"z"', {"A": ('x\ny"z', 1)}),
        ("A='x\\'y'", {"A": ("x'y", 1)}),
        ("A=x#y #z", {"A": ("x#y", 1)}),
        ("A='one\ntwo'\nB=2", {"A": ("one\ntwo", 1), "B": ("2", 3)}),
        ("A: x", {"A": ("x", 1)}),
        ("A=1\nA=2", {"A": ("2", 2)}),
        ("1=2\n=\n- x", {}),
        ("\ufeffA=1", {"A": ("1", 1)}),
    ],
)
def test_files_of_variables(text: str, variables: dict[str, tuple[str | None, int]]) -> None:
    assert read_variables_file(text) == variables
