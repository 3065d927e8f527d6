"""A secret's value shows itself only when it is asked."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable

import pytest

from orthancgen.secrets.value import SecretValue

TEXT = "Zq8-kT2_wP5xVb71"
SECRET = SecretValue(TEXT)


@pytest.mark.parametrize(
    "use",
    [
        str,
        format,
        pickle.dumps,
        copy.copy,
        json.dumps,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!s:>20}",
        lambda secret: "%s" % secret,  # noqa: UP031
        lambda secret: "".join([secret]),
    ],
)
def test_it_cannot_be_turned_into_text(use: Callable[[SecretValue], object]) -> None:
    with pytest.raises(TypeError) as caught:
        use(SECRET)
    assert TEXT not in "".join(traceback.format_exception(caught.value))


def test_it_shows_nothing_where_programs_print_by_themselves() -> None:
    assert TEXT not in repr(SECRET)
    assert TEXT not in repr({"password": [SECRET]})
    assert not hasattr(SECRET, "__dict__")


def test_it_reveals_itself_and_compares() -> None:
    assert SECRET.reveal() == TEXT
    assert SecretValue(TEXT) == SECRET
    assert SecretValue(TEXT + "x") != SECRET
    assert SECRET != TEXT
    assert len({SECRET, SecretValue(TEXT)}) == 1
