from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.json_scalars import MAXIMUM_ERRORS
from orthancgen.foreign.jsonc import MAXIMUM_CHARACTERS, MAXIMUM_DEPTH, MAXIMUM_VALUES, parse
from orthancgen.foreign.model import Document
from orthancgen.foreign.original import Original
from orthancgen.site.problems import KeyPath, Mark
from orthancgen.site.tree import Node, walk


def told(document: Document) -> list[str]:
    """``severity line:column message`` of each problem."""
    return [f"{p.severity} {p.mark.line}:{p.mark.column} {p.message}" for p in document.problems if p.mark is not None]


def plain(text: str) -> Any:
    tree = parse(text, "orthanc.json").tree
    return None if tree is None else tree.plain()


def errors(text: str) -> list[str]:
    return [p.message for p in parse(text, "orthanc.json").problems if p.severity == "error"]


def warnings(text: str) -> list[str]:
    return [p.message for p in parse(text, "orthanc.json").problems if p.severity == "warning"]


def node_at(document: Document, *path: str | int) -> Node:
    assert document.tree is not None
    node, depth = document.tree.find(path)
    assert depth == len(path)
    return node


def test_values_and_their_places() -> None:
    text = (
        '{\n  "Name": "Main",\n  "HttpPort": 8042,\n  "DicomModalities": {\n    "ct": ["CT", "10.0.0.1", 104]\n  }\n}\n'
    )
    document = parse(text, "orthanc.json")
    assert document.problems == ()
    assert document.text == text
    assert document.tree is not None
    assert document.tree.plain() == {
        "Name": "Main",
        "HttpPort": 8042,
        "DicomModalities": {"ct": ["CT", "10.0.0.1", 104]},
    }
    assert node_at(document, "Name").mark == Mark("orthanc.json", 2, 11, 17)
    assert node_at(document, "Name").key_mark == Mark("orthanc.json", 2, 3, 9)
    assert node_at(document, "DicomModalities").mark == Mark("orthanc.json", 4, 22, 23)
    assert node_at(document, "DicomModalities", "ct", 1).mark == Mark("orthanc.json", 5, 18, 28)
    assert node_at(document, "DicomModalities", "ct", 1).key_mark is None


def test_a_place_without_an_end_is_one_character_and_one_of_several_lines_its_first() -> None:
    original = Original("ab\ncd", "f")
    assert original.mark(1) == Mark("f", 1, 2, 3)
    assert original.mark(0, 3) == Mark("f", 1, 1, 2)
    assert original.mark(0, 2) == Mark("f", 1, 1, 3)
    assert original.mark(3, 5) == Mark("f", 2, 1, 3)
    assert original.mark(9) == Mark("f", 2, 7, 8)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_each_end_of_a_line_counts_once(end: str) -> None:
    document = parse(f'{{{end}// x{end}"A": 1}}', "f")
    assert node_at(document, "A").mark == Mark("f", 3, 6, 7)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("false", False), ("null", None), ("0", 0), ("-0", 0), ("-12", -12), ("1.5e2", 150.0),
        ('"\\u00e9\\u0024\\n\\/\\"\\\\"', 'é$\n/"\\'), ('"\\ud83d\\ude00"', "\U0001f600"), ("[]", []), ("{}", {}),
        ("18446744073709551615", 18446744073709551615), ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775809.0), ("[1, [2], {}]", [1, [2], {}]),
    ],
)  # fmt: skip
def test_values_of_json(text: str, value: object) -> None:
    document = parse(f'{{"A": {text}}}', "f")
    assert document.problems == ()
    assert document.tree is not None
    found = document.tree.plain()["A"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "value", "message"),
    [
        ('{"A": 1,}', {"A": 1}, "a comma behind the last one"),
        ('{"A": [1,]}', {"A": [1]}, "a comma behind the last one"),
        ('{"A": 01}', {"A": 1}, "JSON has no such number"),
        ('{"A": +1}', {"A": 1.0}, "JSON has no such number"),
        ('{"A": 5.}', {"A": 5.0}, "JSON has no such number"),
        ('{"A": -}', {"A": 0}, "JSON has no such number"),
        ('{"A": -.5}', {"A": -0.5}, "JSON has no such number"),
        ('{"A": "x\ty"}', {"A": "x\ty"}, "a control character in a text"),
        ('{"A": "x\ny", "B": 1}', {"A": "x\ny", "B": 1}, "a control character in a text"),
        ('{"A": "\0"}', {"A": "\0"}, "a control character in a text"),
        ('{"A": "\\udc00"}', {"A": "\ufffd"}, "half of a surrogate pair"),
        ('{"A": "\udc00"}', {"A": "\ufffd"}, "half of a surrogate pair"),
        ('{"A": 1} x', {"A": 1}, "Orthanc ignores what stands behind the end"),
        ('{"A": 1}}', {"A": 1}, "one closing bracket too many: Orthanc ignores"),
        ('{"A": 1} {"B": 2}', {"A": 1}, "Orthanc ignores what stands behind the end"),
        ('{"A": 1}\0x', {"A": 1}, "Orthanc ignores what stands behind the end"),
        ('\ufeff{"A": 1}', {"A": 1}, "a byte order mark"),
        ('{"A": 1 /* c */ ] "B": 2}', {"A": 1, "B": 2}, "Orthanc reads over this"),
    ],
)
def test_what_orthanc_takes_and_json_does_not_is_a_warning(text: str, value: object, message: str) -> None:
    assert plain(text) == value
    assert errors(text) == []
    assert len(warnings(text)) == 1
    assert message in warnings(text)[0]


@pytest.mark.parametrize(
    ("text", "value", "place", "message"),
    [
        ("", None, "1:1", "the file is empty"),
        ("// only a remark\n", None, "1:1", "the file is empty"),
        ("[1]", [1], "1:1", "a configuration of Orthanc is an object"),
        ('{"A": 1 "B": 2}', {"A": 1, "B": 2}, "1:8", "a comma is missing"),
        ('{"A": [1 2]}', {"A": [1, 2]}, "1:9", "a comma is missing"),
        ('{"A": 1\n // c\n "B": 2}', {"A": 1, "B": 2}, "1:8", "a comma is missing"),
        ('{"A": 1; "B": 2}', {"A": 1, "B": 2}, "1:8", "a comma stands between values"),
        ('{"A": 1,, "B": 2}', {"A": 1, "B": 2}, "1:9", "a comma too many"),
        ('{, "A": 1}', {"A": 1}, "1:2", "a comma too many"),
        ('{"A": [1,,2]}', {"A": [1, 2]}, "1:10", "a value is missing"),
        ('{"A": , "B": 2}', {"B": 2}, "1:7", "a value is missing"),
        ('{"A" 1}', {"A": 1}, "1:6", "a colon is missing"),
        ('{"A" = 1}', {"A": 1}, "1:6", "a colon stands between key and value"),
        ("{'A': 1}", {"A": 1}, "1:2", "a text stands in double quotes"),
        ("{\"A\": 'x'}", {"A": "x"}, "1:7", "a text stands in double quotes"),
        ("{A: 1}", {"A": 1}, "1:2", "a key stands in double quotes"),
        ('{"A": True}', {"A": True}, "1:7", "this is no value of JSON"),
        ('{"A": None}', {"A": None}, "1:7", "this is no value of JSON"),
        ('{"A": NaN}', {}, "1:7", "this is no value of JSON"),
        ('{"A": -Infinity}', {}, "1:7", "this is no value of JSON"),
        ('{"A": .5}', {}, "1:7", "this is no value of JSON"),
        ('{"A": 0x10}', {}, "1:7", "this is no value of JSON"),
        ('{"A": 1e}', {}, "1:7", "this is no number"),
        ('{"A": 1e999}', {}, "1:7", "this is no number"),
        ('{"A": ' + "9" * 2000 + "}", {}, "1:7", "this is no number"),
        ('{"A": "a\\qb"}', {"A": "ab"}, "1:9", "a backslash stands for itself"),
        ('{"A": "C:\\data"}', {"A": "C:ata"}, "1:10", "a backslash stands for itself"),
        ('{"A": "\\u12g4"}', {"A": "12g4"}, "1:8", "four hexadecimal digits"),
        ('{"A": "\\ud800"}', {"A": "\ufffd"}, "1:8", "the second half of a surrogate pair"),
        ('{"A": 1 # c\n}', {"A": 1}, "1:9", "# begins no comment"),
        ('{"A" /* c */ : 1}', {"A": 1}, "1:6", "Orthanc reads no comment between a key and its colon"),
        ('{"A": [/* c */]}', {"A": []}, "1:15", "Orthanc reads no comment in front of this ]"),
        ('{"A": 1]}', {"A": 1}, "1:8", "this ] closes nothing"),
        ('{"A": [1}', {"A": [1]}, "1:9", "the [ of line 1 is not closed"),
        ('{"A": {"B": 1}\n', {"A": {"B": 1}}, "1:14", "the file ends before the { of line 1 is closed"),
        ('{"A": x\n}', {}, "1:7", "this is no value of JSON"),
        ('{"A": "x" y}', {"A": "x"}, "1:11", "this belongs to no value"),
    ],
)
def test_an_error_is_told_with_its_place_and_reading_goes_on(
    text: str, value: object, place: str, message: str
) -> None:
    document = parse(text, "orthanc.json")
    assert (None if document.tree is None else document.tree.plain()) == value
    assert len(errors(text)) == 1
    assert told(document)[0].startswith(f"error {place} {message}")


def test_every_error_at_once() -> None:
    text = """{
  'Name': "x",
  "HttpPort": 8042
  "DicomAet": "A",
  "Plugins": [ "a", ],
  "RemoteAccessAllowed": True,
}
"""
    assert told(parse(text, "orthanc.json")) == [
        "error 2:3 a text stands in double quotes",
        "error 3:19 a comma is missing here",
        "warning 5:19 a comma behind the last one: Orthanc reads over it, JSON does not allow it",
        "error 6:26 this is no value of JSON",
        "warning 6:30 a comma behind the last one: Orthanc reads over it, JSON does not allow it",
    ]


def test_a_forgotten_quote_costs_its_own_line_only() -> None:
    text = '{\n  "Name": "x,\n  "HttpPort": 8042,\n  "DicomAet": "A"\n}\n'
    document = parse(text, "orthanc.json")
    assert told(document) == ["error 2:11 the text is not closed"]
    assert plain(text) == {"Name": "x", "HttpPort": 8042, "DicomAet": "A"}


def test_no_message_repeats_what_may_be_a_secret() -> None:
    for value in ("hunter2", "'hunter2'", '"hunter2', "007007", '"hunter2" hunter2', "\\hunter2", "hunter2: hunter2"):
        document = parse(f'{{"Password": {value}', "f")
        assert document.problems
        for problem in document.problems:
            said = f"{problem.message} {problem.hint}"
            assert "hunter2" not in said
            assert "7007" not in said


@pytest.mark.parametrize(
    ("text", "comments"),
    [
        ("// head\n{}", [("head", ())]),
        ('{ // of the root\n "A": 1}', [("of the root", ())]),
        ('{\n // before\n "A": 1}', [("before", ("A",))]),
        ('{\n // one\n // two\n "A": 1}', [("one", ("A",)), ("two", ("A",))]),
        ('{"A": 1, // beside\n "B": 2}', [("beside", ("A",))]),
        ('{"A": 1 // beside\n, "B": 2}', [("beside", ("A",))]),
        ('{"A": // its value\n 1}', [("its value", ("A",))]),
        ('{"A": {"B": 1 // deep\n}, // of A\n "C": 1}', [("deep", ("A", "B")), ("of A", ("A",))]),
        ('{"A": [1, // first\n // second\n 2]}', [("first", ("A", 0)), ("second", ("A", 1))]),
        ('{"A": 1\n // at the end\n}', [("at the end", ())]),
        ('{"A": {"B": 1\n // at the end of A\n}}', [("at the end of A", ("A",))]),
        ("{} // behind", [("behind", ())]),
        ("/** two\n  * lines\n  */\n{}", [("two\nlines", ())]),
        ('{"A": "// no remark", "B": "/* nor this */"}', []),
    ],
)
def test_comments_belong_to_what_they_stand_at(text: str, comments: list[tuple[str, KeyPath]]) -> None:
    found = parse(text, "f").comments
    assert [(comment.text, comment.path) for comment in found] == comments


def test_a_key_that_stands_twice() -> None:
    document = parse('{"A": {"x": 1},\n "B": 1,\n "A": {"y": 2}}', "f")
    assert document.tree is not None
    assert document.tree.plain() == {"B": 1, "A": {"y": 2}}
    assert document.duplicates == ((("A",), Mark("f", 3, 2, 5)),)
    assert told(document) == ["warning 3:2 the key A stands twice, first on line 1: Orthanc takes the last one"]


def test_depth_values_and_size_have_limits() -> None:
    deepest = "[" * (MAXIMUM_DEPTH - 1) + "]" * (MAXIMUM_DEPTH - 1)
    assert errors('{"A": ' + deepest + "}") == []
    assert "nested deeper than 64 levels" in errors('{"A": [' + deepest + "]}")[0]
    assert "nested deeper than 64 levels" in errors("[" * 1_000_000)[-1]
    assert f"more than {MAXIMUM_VALUES} values" in errors('{"A": [' + "1," * (MAXIMUM_VALUES + 1) + "1]}")[0]
    assert parse(" " * (MAXIMUM_CHARACTERS + 1), "f").tree is None
    assert errors(" " * (MAXIMUM_CHARACTERS + 1)) == ["the file is larger than 16 MiB"]
    many = errors('{"A": x, ' * 1000)
    assert len(many) == MAXIMUM_ERRORS + 1
    assert many[-1].startswith("there are more errors")


def size(document: Document) -> int:
    return 0 if document.tree is None else sum(1 for _ in walk(document.tree))


@pytest.mark.parametrize(
    ("head", "piece", "tail", "each"),
    [
        ('{"A": [', "1,", "]}", 1), ("{", '"k": {"a": [1]},', "}", 0), ("", "/* c */", "{}", 0),
        ('{"A": "', '\\"', '"}', 0), ('{"A": "', "\\n", "", 0), ("", "/*", "", 0), ("", '"a\n', "", 0),
    ],
)  # fmt: skip
def test_twice_as_much_text_gives_twice_as_many_values_and_no_more_work(
    head: str, piece: str, tail: str, each: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    original = Original.mark

    def counted(self: Any, start: int, end: int | None = None) -> Mark:
        nonlocal steps
        steps += 1
        return original(self, start, end)

    monkeypatch.setattr(Original, "mark", counted)
    sizes, work = [], []
    for count in (2_000, 4_000):
        steps = 0
        sizes.append(size(parse(head + piece * count + tail, "f")))
        work.append(steps)
    assert sizes[1] - sizes[0] == 2_000 * each
    assert work[1] <= 2 * work[0] + 2


CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS, max_size=12),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(CHARACTERS, max_size=8), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(TEXTS, st.text(alphabet="{}[],:\"\\/*# \n\r'a1-+.eEtrufalsn\0\ufeff\ud800$", max_size=80)))
def test_any_text_gives_a_document(text: str) -> None:
    document = parse(text, "f")
    for problem in document.problems:
        assert problem.mark is not None
        assert problem.mark.line >= 1
        assert problem.mark.end_column > problem.mark.column >= 1
        assert problem.message.isprintable()
    assert len(document.comments) == len({(c.mark, c.text) for c in document.comments})


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(CHARACTERS, max_size=8), JSON, max_size=4), st.booleans())
def test_json_is_read_as_it_was_written(value: dict[str, Any], ascii_only: bool) -> None:
    document = parse(json.dumps(value, indent=1, ensure_ascii=ascii_only), "f")
    assert document.problems == ()
    assert document.tree is not None
    assert document.tree.plain() == value


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=5), JSON, max_size=3), st.data())
def test_mutated_json_gives_a_document(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = min(len(text), at + data.draw(st.integers(0, 3)))
        piece = data.draw(
            st.sampled_from(["", "{", "}", "[", "]", ",", ":", '"', "\\", "//", "/*", "*/", "\n", "x", "1"])
        )
        text = text[:at] + piece + text[end:]
    document = parse(text, "f")
    lines = text.split("\n")
    if document.tree is not None:
        for _, node in walk(document.tree):
            assert 1 <= node.mark.line <= len(lines)
            assert node.mark.column <= len(lines[node.mark.line - 1]) + 1
