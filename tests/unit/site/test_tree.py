"""YAML that readers disagree on, that explodes, or that is no YAML: refused with its place, and never a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orthancgen.site.tree import MAXIMUM_BYTES, MAXIMUM_DEPTH, Node, parse
from tests.support.environments import MINIMAL, load_text, said

AMBIGUOUS = [
    "NO", "no", "No", "on", "OFF", "y", "N", "yes",
    "012", "08", "0104", "-07", "0o17", "0x1F", "0b11",
    "1_000", "1_0.5", "12:34", "1:2:3", "190:20:30.15",
    "2026-01-31", "2026-1-1", "2026-01-31T12:00:00Z", "2026-01-31 12:00:00",
    "1e3", "1E+3", "1.5e3", "1.5e+3", "1.", ".5", ".inf", "-.INF", ".nan", ".NaN",
]  # fmt: skip

PLAIN: list[tuple[str, Any]] = [
    ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
    ("0", 0), ("-1", -1), ("+5", 5), ("104", 104), ("104.0", 104.0), ("-0.25", -0.25),
    ("1.13.0", "1.13.0"), ("26.8.1", "26.8.1"), ("192.168.10.21", "192.168.10.21"), ("2001:db8::1", "2001:db8::1"),
    ("=", "="), ("no thanks", "no thanks"), ("tRUE", "tRUE"), ("null-modem", "null-modem"), ("+", "+"), ("a#b", "a#b"),
    ("'NO'", "NO"), ('"012"', "012"), ("'2026-01-31'", "2026-01-31"), ("'1_000'", "1_000"), ("''", ""),
    ('"\\u00e9\\t"', "é\t"), ("|\n  NO\n  012\n", "NO\n012\n"), (">-\n  a\n  b\n", "a b"),
]  # fmt: skip


def value_of(text: str) -> tuple[Any, list[str]]:
    tree, problems = parse(f"key: {text}\n", "x.yaml")
    assert tree is not None, problems
    return tree.plain().get("key"), [problem.message for problem in problems]


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_an_ambiguous_scalar_is_refused_with_the_way_out(text: str) -> None:
    tree, problems = parse(f"# a comment\nkey:   {text}\n", "x.yaml")
    assert tree is not None
    (problem,) = problems
    assert problem.message.startswith(f"{text} is ambiguous: ")
    assert problem.hint is not None
    assert f'write "{text}"' in problem.hint
    assert problem.mark is not None
    assert (problem.mark.line, problem.mark.column, problem.mark.end_column) == (2, 8, 8 + len(text))
    assert problem.path == ("key",)


@pytest.mark.parametrize(("text", "value"), PLAIN)
def test_a_plain_scalar_has_one_meaning(text: str, value: Any) -> None:
    got, messages = value_of(text)
    assert got == value
    assert type(got) is type(value)
    assert not messages


@pytest.mark.parametrize("quoted", AMBIGUOUS)
def test_quotes_make_any_scalar_a_text(quoted: str) -> None:
    assert value_of(f'"{quoted}"') == (quoted, [])


@pytest.mark.parametrize("text", ["9" * 20, "1" * 100_000, "-" + "9" * 64, "0." + "1" * 70, "1" * 65 + "e9"])
def test_a_number_that_is_too_large(text: str) -> None:
    assert value_of(text) == (None, ["the number is too large"])


NOT_YAML: list[tuple[str, str, tuple[int, int]]] = [
    ("a:\n\tb: 1\n", "cannot start any token", (2, 1)),
    ("a: [1, 2\nb: 3\n", "did not find expected ',' or ']'", (2, 2)),
    ("a: {b: 1\n", "did not find expected", (2, 1)),
    ("a: 1\n  b: 2\n", "mapping values are not allowed", (2, 4)),
    ("a: 'open\n", "unexpected end of stream", (2, 1)),
    ("a: @x\n", "cannot start any token", (1, 4)),
    ("a: %x\n", "cannot start any token", (1, 4)),
    ('a: "\\q"\n', "unknown escape character", (1, 4)),
    ('a: "\\ud800"\n', "invalid Unicode character escape code", (1, 4)),
    ("a: *gone\n", "undefined alias", (1, 4)),
    ("a: !x!y z\n", "undefined tag handle", (1, 4)),
    ("a: 1\n---\nb: 1\n", "another document", (2, 1)),
    ("a: 1\n...\nb\n", "expected", (3, 1)),
    ("é: 1\nb: éé\0x\n", "U+0000", (2, 6)),
    ("a: \x1b[31m\n", "U+001B", (1, 4)),
    ("a: 1\nb: \ud800\n", "U+D800", (2, 4)),
    ("a: x\ufeffy\n", "U+FEFF", (1, 5)),
    ("a: \uffff\n", "U+FFFF", (1, 4)),
    ("", "the file is empty", (1, 1)),
    ("# only a comment\n", "the file is empty", (1, 1)),
]


@pytest.mark.parametrize(("text", "message", "place"), NOT_YAML)
def test_what_is_no_yaml_says_where(text: str, message: str, place: tuple[int, int]) -> None:
    tree, (problem,) = parse(text, "x.yaml")
    assert tree is None
    assert message in problem.message
    assert problem.mark is not None
    assert problem.mark.line == place[0]
    assert place[1] <= problem.mark.column <= place[1] + 3  # inside an escape, parsers differ by a character or two


def test_a_tab_is_named() -> None:
    _, (problem,) = parse("a:\n\tb: 1\n", "x.yaml")
    assert problem.hint == "indent with spaces, not tabs"


REFUSED: list[tuple[str, str, tuple[int, int]]] = [
    ("a: 1\nb: 2\na: 3\n", "the key a stands twice, first on line 1", (3, 1)),
    ("a: {b: 1, c: 2, b: 3}\n", "the key b stands twice, first on line 1", (1, 17)),
    ("1: x\n", "a key is a text", (1, 1)),
    ("true: x\n", "a key is a text", (1, 1)),
    ("~: x\n", "a key is a text", (1, 1)),
    ("1.5: x\n", "a key is a text", (1, 1)),
    ("NO: x\n", "NO is ambiguous", (1, 1)),
    ("2026-01-31: x\n", "2026-01-31 is ambiguous", (1, 1)),
    ("? [a, b]\n: x\n", "a key is a text", (1, 3)),
    ("? {a: b}\n: x\n", "a key is a text", (1, 3)),
    ("<<: {a: 1}\n", "a merge key (<<)", (1, 1)),
    ("a: {<<: [{b: 1}]}\n", "a merge key (<<)", (1, 5)),
    ("a: !!python/object/apply:os.system [id]\n", "the tag !!python/object/apply:os.system", (1, 4)),
    ("a: !!python/name:os.system x\n", "the tag !!python/name:os.system", (1, 4)),
    ("a: !!int '3'\n", "the tag !!int", (1, 4)),
    ("a: !!str x\n", "the tag !!str", (1, 4)),
    ("a: !!bool 3\n", "the tag !!bool", (1, 4)),
    ("a: !!binary aGk=\n", "the tag !!binary", (1, 4)),
    ("a: !!set {x, y}\n", "the tag !!set", (1, 4)),
    ("a: !vault x\n", "the tag !vault", (1, 4)),
    ("a: !<tag:x,2000:y> x\n", "the tag tag:x,2000:y", (1, 4)),
    ("%TAG ! tag:x,2000:\n---\na: !b 1\n", "the tag tag:x,2000:b", (3, 4)),
    ("a: &x 1\n", "an anchor (&name)", (1, 4)),
]


@pytest.mark.parametrize(("text", "message", "place"), REFUSED)
def test_what_yaml_allows_and_this_file_does_not(text: str, message: str, place: tuple[int, int]) -> None:
    tree, problems = parse(text, "x.yaml")
    assert tree is not None
    assert problems[0].message.startswith(message)
    assert problems[0].mark is not None
    assert (problems[0].mark.line, problems[0].mark.column) == place


def test_an_alias_is_refused_where_it_stands() -> None:
    _, problems = parse("a: &x [1]\nb: *x\n", "x.yaml")
    places = [(p.message.split(":")[0], p.mark.line, p.mark.column) for p in problems if p.mark]
    assert places == [("an anchor (&name)", 1, 4), ("an alias (*name)", 2, 4)]


def test_aliases_do_not_explode() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]  # 10 ** 30 items
    tree, problems = parse("\n".join(lines), "x.yaml")
    assert tree is not None
    assert sum("an alias" in p.message for p in problems) == 290


def test_an_alias_to_what_holds_it() -> None:
    tree, problems = parse("a: &a\n  b: *a\n", "x.yaml")
    assert tree is not None
    assert tree.plain() == {"a": {"b": None}}
    assert len(problems) == 2


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 33 + "]" * 33,
        "a: " + "[" * 500_000,
        "a: " + "{a: " * 300_000,
        "".join(f"{' ' * i}a:\n" for i in range(40)) + " " * 40 + "b: 1\n",
        "- " * 200_000 + "x",
        "? " * 100_000 + "x",
    ],
    ids=["one too deep", "lists", "sections", "blocks", "dashes", "keys"],
)
def test_deep_nesting_is_a_message_not_a_crash(text: str) -> None:
    tree, (problem,) = parse(text, "x.yaml")
    assert tree is None
    assert problem.message == f"nested deeper than {MAXIMUM_DEPTH} levels"
    assert problem.mark is not None
    assert problem.mark.column > 1


def test_nesting_up_to_the_limit() -> None:
    levels = MAXIMUM_DEPTH - 1
    tree, problems = parse("a: " + "[" * levels + "]" * levels, "x.yaml")
    assert isinstance(tree, Node)
    assert not problems


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (MINIMAL.encode("utf-16"), "byte 1 of the file is not UTF-8"),
        (b"a: 1\nb: \xe9\n", "byte 9 of the file is not UTF-8"),
        (b"a: \xed\xa0\x80\n", "byte 4 of the file is not UTF-8"),
        (b"- a\n", "an environment file is a section with keys"),
        (b"foo\n", "an environment file is a section with keys"),
        (b"~\n", "an environment file is a section with keys"),
        (b"\x00", "U+0000 is a character that YAML does not allow"),
        (b"x" * (MAXIMUM_BYTES + 1), f"the file is larger than {MAXIMUM_BYTES // 2**20} MiB"),
    ],
    ids=["UTF-16", "Latin-1", "a surrogate", "a list", "a scalar", "nothing", "NUL", "too large"],
)
def test_a_file_that_is_no_environment(content: bytes, message: str, tmp_path: Path) -> None:
    loaded = load_text(content, tmp_path)
    assert loaded.site is None
    assert [p.message for p in loaded.problems] == [message]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + MINIMAL.encode(),
        MINIMAL.replace("\n", "\r\n").encode(),
        MINIMAL.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf# x\r\n---\r\n" + MINIMAL.replace("\n", "\r\n").encode() + b"...\r\n",
        b"%YAML 1.1\n---\n" + MINIMAL.encode(),
    ],
    ids=["byte order mark", "CRLF", "CR", "all of them", "directive"],
)
def test_the_same_environment_in_other_clothes(content: bytes, tmp_path: Path) -> None:
    plain = load_text(MINIMAL, tmp_path)
    assert plain.site is not None
    assert said(plain) == []
    assert load_text(content, tmp_path).site == plain.site


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_places_do_not_depend_on_line_ends(newline: str, tmp_path: Path) -> None:
    text = (MINIMAL + "http: {port: 0}\n").replace("\n", newline)
    (problem,) = load_text("\ufeff" + text, tmp_path).problems
    assert problem.mark is not None
    assert (problem.mark.line, problem.mark.column) == (6, 14)


@pytest.mark.parametrize(
    "line",
    ["description: " + "x" * 10_000_000, "orthanc: {aet: " + "9" * 10_000_000 + "}", "? " + "k" * 10_000_000 + "\n: 1"],
    ids=["text", "number", "key"],
)
def test_ten_megabytes_in_one_line_give_a_short_message(line: str, tmp_path: Path) -> None:
    loaded = load_text(MINIMAL + line + "\n", tmp_path)
    assert loaded.site is None
    assert all(len(p.message) + len(p.key_path) + len(p.hint or "") < 600 for p in loaded.problems)
