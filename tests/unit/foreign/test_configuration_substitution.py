from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.substitution import (
    MAXIMUM_VARIABLES,
    Environment,
    TooLargeError,
    as_envsubst,
    as_orthanc,
    composed,
)

VALUES = {"Q": "q", "A.B": "dot", "E": "", "LONG": "0123456789"}
KNOWN = Environment(VALUES)
# What Orthanc 1.10.1 does, written as one pattern; too slow for hostile texts.
ORTHANC = re.compile(r"""\$\{([^:]*?)((:-([^'"}]*))|(:-"([^"]*)")|(:-'([^']*)'))?\}""")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${Q}", "q"), ("${E}", ""), ("${E:-d}", ""), ("${NO}", ""), ("${NO:-d}", "d"), ("x${NO:-}y", "xy"),
        ("${NO:-'a}b'}", "a}b"), ('${NO:-"a}b"}', "a}b"), ("${NO:-a'b}", "${NO:-a'b}"), ("${NO:d}", "${NO:d}"),
        ("${NO-d}", ""), ("$Q", "$Q"), ("$${Q}", "$q"), ("${ Q }", ""), ("${A.B}", "dot"), ("${NO:-${Q}}", "${Q}"),
        ("${NO:-a:b}", "a:b"), ("${NO:-a\nb}", "a\nb"), ("${Q", "${Q"), ("${Q}${LONG}", "q0123456789"),
    ],
)  # fmt: skip
def test_as_orthanc_does_it(text: str, result: str) -> None:
    assert as_orthanc(text, KNOWN).text == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$Q", "q"), ("$NO", ""), ("p$Qx", "p"), ("$1abc", ""), ("$0", "generateConfiguration.py"), ("$5", ""),
        ("$$Q", "$q"), ("\\$Q", "\\$Q"), ("${Q}", "q"), ("${NO:-d}", "d"), ("${E:-d}", "d"), ("${E-d}", ""),
        ("${NO-d}", "d"), ("${NO:-$Q}", "q"), ("${A.B}", "${A.B}"), ("${NO:-}", "${NO:-}"), ("\\${Q}", "\\${Q}"),
    ],
)  # fmt: skip
def test_as_envsubst_does_it(text: str, result: str) -> None:
    assert as_envsubst(text, KNOWN)[1].text == result


def test_what_is_not_known_stays() -> None:
    around = Environment({"OPEN": None, "Q": "q"}, complete=False)
    assert as_orthanc("${OPEN} ${Q} ${OTHER} ${OTHER:-d}", around).text == "${OPEN} q ${OTHER} d"
    assert [(v.name, v.found) for v in as_orthanc("${OPEN}${Q}${N:-d}${}", around).variables] == [
        ("OPEN", "unknown"), ("Q", "known"), ("N", "default"), ("", "nameless"),
    ]  # fmt: skip
    assert as_orthanc("${OTHER}", Environment({}, complete=True)).text == ""


def test_each_place_leads_back() -> None:
    text = "a ${LONG} b ${E} c ${NO:-dd} e"
    done = as_orthanc(text, KNOWN)
    assert done.text == "a 0123456789 b  c dd e"
    assert done.origin(0, 1) == (0, 1)
    assert done.origin(2, 12) == (2, 9)  # the value as a whole
    assert done.origin(5, 6) == (2, 9)  # a part of it
    assert done.origin(13, 14) == (10, 11)
    assert done.origin(16, 17) == (17, 18)
    assert done.origin(18, 20) == (19, 28)
    assert text[slice(*done.origin(21, 22))] == "e"


def test_places_lead_back_through_two_steps() -> None:
    text = "$LONG ${Q} x"
    steps = as_envsubst(text, KNOWN)
    assert steps[1].text == "0123456789 q x"
    origin = composed(*steps)
    assert origin(0, 10) == (0, 5)
    assert origin(11, 12) == (6, 10)
    assert text[slice(*origin(13, 14))] == "x"


def test_a_bomb_is_refused() -> None:
    with pytest.raises(TooLargeError):
        as_orthanc("${X}" * 50_000, Environment({"X": "x" * 1000}))
    with pytest.raises(TooLargeError):
        as_envsubst("$X" * (MAXIMUM_VARIABLES + 1), KNOWN)


PIECES = st.lists(
    st.sampled_from(["$", "{", "}", "${", "Q", "E", "NO", ":", "-", ":-", "'", '"', "x", "\\", " ", "A.B"]), max_size=14
).map("".join)


@settings(max_examples=500, deadline=None)
@given(PIECES)
def test_the_same_as_the_pattern_of_orthanc(text: str) -> None:
    def put(found: re.Match[str]) -> str:
        if found[1] in VALUES:
            return VALUES[found[1]]
        return next((found[group] for group in (4, 6, 8) if found[group] is not None), "")

    assert as_orthanc(text, KNOWN).text == ORTHANC.sub(put, text)


@settings(max_examples=300, deadline=None)
@given(PIECES)
def test_what_is_kept_keeps_its_place(text: str) -> None:
    done = as_orthanc(text, KNOWN)
    for index, sign in enumerate(done.text):
        start, end = done.origin(index, index + 1)
        assert 0 <= start < end <= len(text)
        if end - start == 1:
            assert text[start] == sign
