from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthancgen.importing import names
from orthancgen.importing.fits import bounds, default, why_not
from orthancgen.site.types import AETitle, EnvironmentName, ModalityName, PlainText, SecretName, UserName


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Main PACS", "main-pacs"), ("orthanc", "orthanc"), ("2nd floor", "nd-floor"), ("Münster", "munster"),
        ("日本", "imported"), ("", "imported"), ("a" * 50, "a" * 32), ("-x-", "x"),
    ],
)  # fmt: skip
def test_environment_name(text: str, name: str) -> None:
    assert names.environment_name(text) == name


@pytest.mark.parametrize(
    ("text", "taken", "name"),
    [
        ("CT 1", (), "CT-1"), ("CT 1", ("CT-1",), "CT-1-2"), ("CT 1", ("CT-1", "CT-1-2"), "CT-1-3"), ("é", (), "e"),
        ("日本", (), "modality"), ("orthancgen-ct", (), "ct"), ("x" * 80, (), "x" * 64),
        ("x" * 80, ("x" * 64,), "x" * 62 + "-2"),
    ],
)  # fmt: skip
def test_modality_name(text: str, taken: tuple[str, ...], name: str) -> None:
    assert names.modality_name(text, taken) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [("Anna Müller", "Anna.Muller"), ("a:b", "a.b"), ("Dr. X", "Dr.X"), ("日本", "user"), ("_x_", "x")],
)
def test_user_name(text: str, name: str) -> None:
    assert names.user_name(text, ()) == name


@pytest.mark.parametrize(
    ("text", "taken", "name"),
    [
        ("orthanc_password", (), "orthanc_password"), ("orthanc_password", ("orthanc_password",), "orthanc_password_2"),
        ("database_password", (), "user_database_password"), ("1x_password", (), "user_1x_password"), ("", (), "user"),
        ("a.b@c_password", (), "a_b_c_password"),
    ],
)  # fmt: skip
def test_secret_name(text: str, taken: tuple[str, ...], name: str) -> None:
    assert names.secret_name(text, taken) == name


@given(st.text(), st.sets(st.sampled_from(["user", "modality", "x", "user_2"])))
def test_each_name_is_one_that_the_model_takes(text: str, taken: set[str]) -> None:
    assert why_not(EnvironmentName, names.environment_name(text)) is None
    for made, kind in (
        (names.modality_name(text, taken), ModalityName),
        (names.user_name(text, taken), UserName),
        (names.secret_name(text, taken), SecretName),
    ):
        assert why_not(kind, made) is None
        assert made not in taken
    kept = names.plain_text(text)
    assert kept is None or why_not(PlainText, kept) is None


def test_variables() -> None:
    assert names.variable("${ORTHANC_PASSWORD}") == "ORTHANC_PASSWORD"
    assert [names.variable(text) for text in ("${a b}", "x${A}", "${A:-b}", "$A", "${lower}")] == [None] * 5
    assert [names.has_variable(text) for text in ("${A}", "x ${A:-b} y", "$A", "${}", "{A}")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_what_the_model_takes() -> None:
    assert why_not(AETitle, "CT1") is None
    assert why_not(AETitle, "A" * 17) == "an AE title has at most 16 characters, this one has 17"
    assert why_not(AETitle, 42) is not None
    assert default(("dicom", "port")) == 4242
    assert default(("orthanc", "limits", "find_results")) == 100
    assert bounds(("orthanc", "limits", "jobs")) == (1, 64)
    assert bounds(("orthanc", "storage", "limit_megabytes")) == (0, 2**31 - 1)
