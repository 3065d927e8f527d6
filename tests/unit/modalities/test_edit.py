"""Modalities in the text of an environment: what changes, and that nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from orthancgen.audit.splices import spliced
from orthancgen.errors import InputError
from orthancgen.modalities.change import Change, Remove, SetFields, applied
from orthancgen.modalities.edit import edited
from orthancgen.site.tree import parse

CT9 = SetFields("ct9", {"aet": "CT9", "address": "192.0.2.9", "may": ["echo", "store"]})


def after(text: str, *changes: Change) -> str:
    tree, problems = parse(text, "t.yaml")
    assert tree is not None
    assert problems == []
    result = spliced(text, edited(text, tree, changes))
    read, found = parse(result, "t.yaml")
    assert read is not None
    assert found == []
    assert read.plain() == applied(tree.plain(), changes)
    assert YAML(typ="safe").load(result) is not None  # a reader of YAML 1.2 takes it, too
    return result


BLOCK = """\
# the site
modalities:  # all of them

  # the old one
  ct1:
     aet:   'CT1'     # as on its label
     address: "192.0.2.1"
     may:
     - echo   # tested
     - store
     # not yet: find

  mr1: {aet: MR1,   address: 192.0.2.2}  # in brackets
  # ct7: to come
# the web
http: {port:    8042}
"""


def test_a_new_one_stands_behind_the_last_as_its_neighbour_is_written() -> None:
    assert after(BLOCK, CT9) == BLOCK.replace(
        "  # ct7: to come\n",
        "  # ct7: to come\n\n  ct9: {aet: CT9, address: 192.0.2.9, may: [echo, store]}\n",
    )


def test_fields_are_replaced_where_they_stand() -> None:
    change = SetFields("ct1", {"aet": "CT 1", "may": ["store", "move"], "port": 105})
    assert after(BLOCK, change) == BLOCK.replace("aet:   'CT1' ", "aet:   CT 1 ").replace(
        "     - echo   # tested\n     - store\n", "     - store\n     - move\n     port: 105\n"
    )


def test_fields_of_an_entry_in_braces() -> None:
    change = SetFields("mr1", {"address": "2001:db8::2", "port": 105, "tls": True})
    assert after(BLOCK, change) == BLOCK.replace(
        "{aet: MR1,   address: 192.0.2.2}", '{aet: MR1,   address: "2001:db8::2", port: 105, tls: true}'
    )


def test_one_goes_with_what_is_in_it() -> None:
    removed = BLOCK[: BLOCK.index("  ct1:")] + BLOCK[BLOCK.index("\n  mr1:") :]
    assert after(BLOCK, Remove("ct1", inherited=False)) == removed
    without = BLOCK.replace("  mr1: {aet: MR1,   address: 192.0.2.2}  # in brackets\n", "")
    assert after(BLOCK, Remove("mr1", inherited=False)) == without


def test_an_inherited_one_is_taken_out_by_a_key_without_a_value() -> None:
    assert after(BLOCK, Remove("xa1", inherited=True)) == BLOCK.replace(
        "  # ct7: to come\n", "  # ct7: to come\n\n  xa1:\n"
    )
    emptied = BLOCK.replace(BLOCK[BLOCK.index("     aet:") : BLOCK.index("\n  mr1:")], "")
    assert after(BLOCK, Remove("ct1", inherited=True)) == emptied
    assert after(BLOCK, Remove("mr1", inherited=True)) == BLOCK.replace(" {aet: MR1,   address: 192.0.2.2} ", " ")


ENTRY = "  ct9:\n    aet: CT9\n    address: 192.0.2.9\n    may: [echo, store]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "dicom:\n  port: 1\n  # more\n\nhttp: {}\n",
            f"dicom:\n  port: 1\n  # more\n\nmodalities:\n{ENTRY}\n\nhttp: {{}}\n",
        ),
        ("http: {}\n# end", f"http: {{}}\n\nmodalities:\n{ENTRY}\n# end"),
        ("http: {}", f"http: {{}}\n\nmodalities:\n{ENTRY}"),
        ("modalities: {}  # none\nhttp: {}\n", f"modalities:  # none\n{ENTRY}\nhttp: {{}}\n"),
        ("modalities:\n# none\nhttp: {}\n", f"modalities:\n{ENTRY}\n# none\nhttp: {{}}\n"),
        ("modalities: ~\n", f"modalities:\n{ENTRY}\n"),
        ("modalities: { }", f"modalities:\n{ENTRY}"),
    ],
)
def test_the_section_is_made_where_it_is_not_there(text: str, expected: str) -> None:
    assert after(text, CT9) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{http: {port: 1}}", "{http: {port: 1}, modalities: {ct9: %s}}"),
        ("modalities: {a: {aet: A}}", "modalities: {a: {aet: A}, ct9: %s}"),
        ("modalities: {a: {aet: A}, }", "modalities: {a: {aet: A}, ct9: %s }"),
        ("modalities: {\n  a: {aet: A},\n}\n", "modalities: {\n  a: {aet: A}, ct9: %s\n}\n"),
    ],
)
def test_a_new_one_in_braces(text: str, expected: str) -> None:
    assert after(text, CT9) == expected % "{aet: CT9, address: 192.0.2.9, may: [echo, store]}"


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ("a", "modalities: {b: {aet: B}, c: {}, }"),
        ("b", "modalities: {a: {aet: A}, c: {}, }"),
        ("c", "modalities: {a: {aet: A}, b: {aet: B} }"),
    ],
)
def test_one_goes_out_of_braces(gone: str, expected: str) -> None:
    assert after("modalities: {a: {aet: A}, b: {aet: B}, c: {}, }", Remove(gone, inherited=False)) == expected


def test_in_braces_several_things_at_once() -> None:
    changes: list[Change] = [
        Remove("a", inherited=True),
        SetFields("b", {"port": 2}),
        SetFields("x", {"aet": "X"}),
        Remove("m", inherited=True),
    ]
    text = "modalities: {a: {aet: A}, b: {aet: B}}\n"
    assert after(text, *changes) == "modalities: {a: , b: {aet: B, port: 2}, x: {aet: X}, m: }\n"


def test_a_file_whose_sections_are_indented() -> None:
    text = "  dicom:\n    port: 104\n  http: {}\n"
    new = "\n  modalities:\n    a:\n      aet: A\n"
    assert after(text, SetFields("a", {"aet": "A"})) == text.replace("104\n", "104\n" + new)


def test_the_last_one_leaves_a_section_without_any() -> None:
    text = "modalities:\n  # ours\n  a:\n    aet: A\n      # deep\n\n  # below\nhttp: {}\n"
    assert after(text, Remove("a", inherited=False)) == "modalities: {}\n  # ours\n\n  # below\nhttp: {}\n"
    assert after("modalities: {a: {}}", Remove("a", inherited=False)) == "modalities: {}"


def test_ends_of_lines_stay_as_they_are() -> None:
    text = "modalities:\r\n  a:\r\n    aet: A\r\nhttp: {}\r\n"
    assert after(text, SetFields("a", {"port": 105})) == text.replace("aet: A\r\n", "aet: A\r\n    port: 105\r\n")
    assert after(text, Remove("a", inherited=False)) == "modalities: {}\r\nhttp: {}\r\n"


def test_texts_that_some_readers_take_for_something_else_are_quoted() -> None:
    fields = {"aet": "NO", "address": "ct.example", "description": 'a "b": c # d', "vendor": "ge"}
    changed = after("modalities:\n  a:\n    aet: A\n", SetFields("012", fields))
    assert changed.endswith(
        '  "012":\n    aet: "NO"\n    address: ct.example\n    description: "a \\"b\\": c # d"\n    vendor: ge\n'
    )


@pytest.mark.parametrize(
    ("text", "change", "message"),
    [
        ("modalities: {a: {aet: A}  # this one\n}\n", CT9, "comments"),
        ("modalities: {  # none\n}\n", CT9, "comments"),
        ("modalities:\n  ? a\n  : aet: A\n", CT9, "laid out so"),
        ("? modalities # x: y\n: a:\n   aet: A\n", Remove("a", inherited=False), "laid out so"),
        (
            "modalities:\n  a:\n    may:\n    - echo\n    -\n      find\n",
            SetFields("a", {"may": ["echo"]}),
            "laid out so",
        ),
        ("dicom: >+\n  a\n\n\n", CT9, "laid out so"),
    ],
)
def test_what_cannot_be_changed_in_place_is_refused(text: str, change: Change, message: str) -> None:
    tree, problems = parse(text, "")
    assert tree is not None
    assert problems == []
    with pytest.raises(InputError, match=message):
        edited(text, tree, [change])


def test_commands_that_are_there_keep_their_place() -> None:
    text = "modalities:\n  a:\n    may: [store,  echo]\n"
    more = SetFields("a", {"may": ["echo", "find", "store"]})
    assert after(text, more) == "modalities:\n  a:\n    may: [store, echo, find]\n"


def test_the_shipped_environments_change_in_the_new_lines_only() -> None:
    for name in ("dev", "staging", "prod"):
        text = Path(f"environments/{name}.yaml").read_text("utf-8")
        lines, new = text.splitlines(), after(text, CT9).splitlines()
        assert [line for line in new if line not in lines] != []
        kept = iter(new)
        assert all(line in kept for line in lines)


@pytest.mark.parametrize(
    "odd", ["[a, [b]]", "{a: 1}", "5", "~", "'x'", "|-\n      x", "\n      - {a: 1}\n      - echo", "\n      a: 1", ""]
)
@pytest.mark.parametrize("key", ["aet", "port", "may"])
def test_odd_values_are_replaced_too(key: str, odd: str) -> None:
    text = f"modalities:\n  a:\n    {key}: {odd}\n    x: 1 # y\n"
    values = {"aet": "A", "port": 104, "may": ["echo", "find"]}
    try:
        assert "    x: 1 # y\n" in after(text, SetFields("a", {key: values[key]}))
    except InputError as error:
        assert "laid out so" in error.message  # noqa: PT017  refused is good, too


NAMES = st.sampled_from(["a", "b", "c-1", "no", "7"])
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["C", "Z"]), min_size=1) | (
    st.sampled_from(
        ["true", "1e5", "0o7", "12:34", "1_0", "- a", "{x", "a: b", "x #y", "'", "*a", "&a", "!t", "%", "=", "é"]
    )
)
FIELDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "aet": TEXTS,
        "port": st.integers(1, 65534),
        "tls": st.booleans(),
        "may": st.lists(st.sampled_from(["echo", "store", "find", "move"]), unique=True),
    },
)
LAYOUTS = st.sampled_from(
    [BLOCK, BLOCK.replace("\n", "\r\n"), "x: 1", "modalities: {a: {aet: A}, b: {}}", "modalities:"]
)


@settings(derandomize=True, deadline=None, database=None)
@given(LAYOUTS, st.lists(st.tuples(NAMES, FIELDS), min_size=1, unique_by=lambda one: one[0]))
def test_any_values_in_any_layout(text: str, entries: list[tuple[str, dict[str, Any]]]) -> None:
    changes = [SetFields(name, {"aet": "X", **fields}) for name, fields in entries]
    result = after(text, *changes)
    for name, _ in entries:
        result = after(result, Remove(name, inherited=False))
    assert all(line in result for line in text.splitlines() if line.lstrip().startswith("#"))
