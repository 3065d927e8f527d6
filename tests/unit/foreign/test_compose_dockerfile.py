from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.dockerfile import Dockerfile, parse_dockerfile


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("FROM orthanc", "orthanc"),
        ("# FROM a\nfrom b as c\n", "b"),
        ("FROM --platform=linux/amd64 a", "a"),
        ("FROM a AS x\nFROM b", "b"),
        ("FROM a AS x\nFROM b AS y\nFROM X", "a"),
        ("ARG TAG=1\nFROM a:$TAG", "a:1"),
        ("ARG TAG\nFROM a:${TAG:-2}", "a:2"),
        ("FROM \\\n  a \\\n  AS x\r\nRUN y", "a"),
        ("RUN FROM a", ""),
        ("", ""),
    ],
)
def test_the_image_that_it_starts_from(text: str, base: str) -> None:
    assert parse_dockerfile(text).base == base


def test_arguments_count_over_their_defaults() -> None:
    assert parse_dockerfile("ARG TAG=1\nFROM a:$TAG", {"TAG": "2"}).base == "a:2"


@pytest.mark.parametrize(
    ("text", "copies"),
    [
        ("COPY a.json /etc/b.json", (("a.json", "/etc/b.json"),)),
        ("ADD x/a.json /etc/", (("x/a.json", "/etc/a.json"),)),
        ("COPY a b /etc", (("a", "/etc/a"), ("b", "/etc/b"))),
        ('COPY ["a b", "/etc/"]', (("a b", "/etc/a b"),)),
        ('COPY --chown=1:1 ["a", "/b"]', (("a", "/b"),)),
        ("COPY --chmod=644 a /b", (("a", "/b"),)),
        ("COPY --from=x a /b", ()),
        ("COPY a relative", ()),
        ("COPY a", ()),
        ("COPY [broken /b", (("[broken", "/b"),)),
        ("COPY 'open /b", (("'open", "/b"),)),
    ],
)
def test_what_it_copies(text: str, copies: tuple[tuple[str, str], ...]) -> None:
    assert parse_dockerfile(f"FROM o\n{text}\n").copies == copies


def test_variables_with_their_lines() -> None:
    text = (
        'FROM a AS x\nENV A=1 B="two words"\n# remark\nENV C the rest  of it \nENV D=$A-x \\\n  E=5\nFROM x\nENV A=2\n'
    )
    assert parse_dockerfile(text).variables == {
        "A": ("2", 8), "B": ("two words", 2), "C": ("the rest  of it", 4), "D": ("1-x", 5), "E": ("5", 5),
    }  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="FROMCPYENVADGarg=\"'[]\\\n\t $:{}-/,#x", max_size=80))
def test_any_text(text: str) -> None:
    assert isinstance(parse_dockerfile(text), Dockerfile)
    assert isinstance(parse_dockerfile("FROM a\nCOPY " + text), Dockerfile)
