from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthancgen.importing.comments import Carried
from orthancgen.importing.notes import Note, Outcome
from orthancgen.importing.part import Imported
from orthancgen.importing.text import yaml_text
from orthancgen.site.tree import parse
from tests.support.hostile import CORPUS


def imported(settings: dict[str, Any], **more: Any) -> Imported:
    environment = {
        "environment": "x",
        "kind": "development",
        "orthanc": {"aet": "ORTHANC", "version": "1.13.0", "settings": settings},
        "http": {"listen_on": "127.0.0.1"},
        "runtime": "native",
    }
    return Imported(environment, {}, more.pop("notes", ()), **more)


def read(text: str) -> Any:
    tree, problems = parse(text, "x.yaml")
    assert problems == []
    assert tree is not None
    return tree.plain()


def test_the_whole_file() -> None:
    made = imported(
        {"StableAge": 60, "Locale": "NO", "AcceptedSopClasses": ["1.2.3", "4.5"]},
        comments=(
            Carried(("slow device",), ("orthanc", "settings", "StableAge"), ("StableAge",)),
            Carried(("of the", "department"), ("orthanc",), ("Name",)),
            Carried(("once here",), (), ("HttpTimeout",)),
            Carried(("the end",), (), ()),
        ),
        left_out={("orthanc", "peer"): {"aet": "A", "address": "a_b"}},
        notes=(
            Note(("peer",), Outcome.LOST, "left out: no address", to=("orthanc", "peer")),
            Note(("Stable",), Outcome.MISSPELT, "Stable is no key"),
            Note(("Name",), Outcome.CARRIED),
        ),
    )
    assert yaml_text(made, heading="Imported from orthanc.json.") == (
        """\
# yaml-language-server: $schema=./schema.json
# Imported from orthanc.json.
environment: x
kind: development

# of the
# department
orthanc:
  aet: ORTHANC
  version: 1.13.0
  settings:
    StableAge: 60  # slow device
    Locale: "NO"
    AcceptedSopClasses: [1.2.3, "4.5"]
  # peer:  # left out: no address
  #   aet: A
  #   address: a_b

http:
  listen_on: 127.0.0.1

runtime: native

# Further comments of the imported files:
#   HttpTimeout: once here
#   the end

# Not carried over:
#   peer: left out: no address
#   Stable: misspelt: Stable is no key
"""
    )


AMBIGUOUS = [
    "NO",
    "on",
    "y",
    "012",
    "1_000",
    "12:34",
    "1e5",
    "0x1f",
    "2024-01-01",
    "~",
    "null",
    "",
    "1.",
    "+1",
    "-",
    "=",
    "<<",
]


@pytest.mark.parametrize("text", [*AMBIGUOUS, *CORPUS])
def test_each_text_is_read_as_it_is(text: str) -> None:
    settings = {"value": text, f"k{text}": [text, {"inner": text}], text or "empty": 1}
    assert read(yaml_text(imported(settings), heading=text))["orthanc"]["settings"] == settings


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    words | st.integers(-(10**17), 10**17) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(words, values, max_size=5), st.lists(words, max_size=3), words)
def test_any_values_and_comments_are_read_as_they_are(settings: dict[str, Any], lines: list[str], heading: str) -> None:
    shown = tuple("".join(c if c.isprintable() else " " for c in line) for line in lines)
    comments = (Carried(shown, ("orthanc", "settings")), Carried(shown, ())) if shown else ()
    text = yaml_text(imported(settings, comments=comments), heading=heading)
    assert read(text)["orthanc"]["settings"] == settings


def test_what_was_not_carried_over_is_not_without_end() -> None:
    notes = tuple(Note((f"k{number}",), Outcome.UNKNOWN, "no key") for number in range(1000))
    lines = yaml_text(imported({}, notes=notes), heading="x").splitlines()
    assert len(lines) < 230
    assert lines[-1] == "#   and 800 more: `orthancgen import --json` lists them"
