from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.lua import MAXIMUM_CHARACTERS, parse_lua
from orthancgen.foreign.lua_names import CALLBACKS
from orthancgen.foreign.model import LuaScript
from tests.support.hostile import CORPUS

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*/orthanc/orthancgen.lua"))


def calls(text: str) -> list[tuple[str, tuple[str | float | None, ...], bool]]:
    script = parse_lua(text, "a.lua")
    assert script.problems == ()
    return [(one.function, one.arguments, one.inside_pcall) for one in script.calls]


def said(script: LuaScript) -> list[str]:
    return [f"{one.place} {one.message}" for one in script.problems]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parts[-3])
def test_our_own_script(path: Path) -> None:
    script = parse_lua(path.read_text(encoding="utf-8"), "orthancgen.lua")
    assert script.problems == ()
    assert set(script.callbacks) == {"IncomingHttpRequestFilter", "OnStoredInstance", "OnDeletedInstance"}
    assert [(one.function, one.inside_pcall) for one in script.calls] == [
        ("GetOrthancConfiguration", False),
        ("HttpPost", True),
        ("SetHttpTimeout", False),
    ]
    assert {"Poke", "quietUntil", "permissions", "pcall"} <= script.names


def test_there_are_scripts_of_ours() -> None:
    assert len(GOLDEN) > 5


def test_callbacks_are_the_global_ones() -> None:
    script = parse_lua(
        """
        function OnStoredInstance(id) end
        OnStableStudy = function(id) end
        _G.OnStableSeries = function() end
        _G["OnJobFailure"] = function() end
        local function OnStablePatient() end
        local OnHeartBeat = function() end
        function OnHeartBeat() end
        -- function OnJobSuccess() end
        --[[ function Finalize() end ]]
        local text = [==[ function Initialize() end ]==]
        local events = { OnDeletedStudy = function() end }
        function events.OnDeletedSeries() end
        function events:OnDeletedInstance() end
        events.OnDeletedPatient = function() end
        if OnUpdatedStudy == nil then print('none') end
        OnUpdatedSeries = handler
        OnUpdatedPatient = function() end
        OnUpdatedPatient = nil
        """,
        "a.lua",
    )
    assert script.problems == ()
    assert {name: (mark.line, mark.column) for name, mark in script.callbacks.items()} == {
        "OnStoredInstance": (2, 18),
        "OnStableStudy": (3, 9),
        "OnStableSeries": (4, 9),
        "OnJobFailure": (5, 9),
        "OnUpdatedSeries": (17, 9),
    }


def test_the_last_definition_counts() -> None:
    script = parse_lua("function Finalize() end\nfunction Finalize() end", "a.lua")
    assert script.callbacks["Finalize"].line == 2


def test_arguments_that_are_literal() -> None:
    assert calls("SetHttpTimeout(5) SetHttpTimeout(-1) SetHttpTimeout(0x10) SetHttpTimeout(1.5e1)") == [
        ("SetHttpTimeout", (5.0,), False),
        ("SetHttpTimeout", (-1.0,), False),
        ("SetHttpTimeout", (16.0,), False),
        ("SetHttpTimeout", (15.0,), False),
    ]
    assert calls(
        """HttpPost('http://a' .. "/b", body, { ["X"] = "y" }, f(1, 2), function(a, b) return 1, 2 end)"""
    ) == [("HttpPost", ("http://a/b", None, None, None, None), False)]
    assert calls("print'x' print[[\ny]] print{1, 2} print() print((1)) print(-x) print('a' .. b) print(nil, true)") == [
        ("print", ("x",), False),
        ("print", ("y",), False),
        ("print", (None,), False),
        ("print", (), False),
        ("print", (None,), False),
        ("print", (None,), False),
        ("print", (None,), False),
        ("print", (None, None), False),
    ]
    assert calls("os.execute('id') _G.os.execute('id') io.popen [=[ls]=]") == [
        ("os.execute", ("id",), False),
        ("os.execute", ("id",), False),
        ("io.popen", ("ls",), False),
    ]
    assert calls("a.print(1) b:print(2) function print(x) end") == []
    assert calls("print(HttpGet('u'))") == [("print", (None,), False), ("HttpGet", ("u",), False)]


def test_a_function_under_another_name() -> None:
    assert calls("local run = os.execute\nrun('id')\nrun = nil\nrun('x')") == [("os.execute", ("id",), False)]
    assert calls("local text = os.execute('id')\ntext('x')") == [("os.execute", ("id",), False)]


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("HttpPost('u', 'b')", False),
        ("pcall(function() HttpPost('u', 'b') end)", True),
        ("pcall(function() return function() HttpPost('u', 'b') end end)", True),
        ("xpcall(function() HttpPost('u', 'b') end, print_it)", True),
        ("pcall(HttpPost, 'u', 'b')", True),
        ("xpcall(HttpPost, handler, 'u', 'b')", True),
        ("local post = HttpPost pcall(post, 'u', 'b')", True),
        ("pcall(print_it, function() HttpPost('u', 'b') end)", False),
        ("pcall(f(function() HttpPost('u', 'b') end))", False),
        ("pcall(HttpPost('u', 'b'))", False),
        ("local function send() HttpPost('u', 'b') end pcall(send)", True),
        ("local send = function() HttpPost('u', 'b') end pcall(send, 1, 2)", True),
        ("function send() HttpPost('u', 'b') end function OnStoredInstance() pcall(send) end", True),
        ("local function send() HttpPost('u', 'b') end pcall(send) send()", False),
        ("local function send() HttpPost('u', 'b') end pcall(send) local other = send", False),
        ("local function send() HttpPost('u', 'b') end pcall(1 + send)", False),
        ("local function send() HttpPost('u', 'b') end", False),
        ("local function a() HttpPost('u', 'b') end local function b() a() end pcall(b)", False),
        ("function OnStoredInstance() HttpPost('u', 'b') end pcall(OnStoredInstance)", False),
        ("local function send(n) HttpPost('u', 'b') if n then send() end end pcall(send)", True),
    ],
)
def test_whether_an_error_is_caught(text: str, caught: bool) -> None:
    assert calls(text) == [("HttpPost", ("u", "b"), caught)]


def test_strings_with_every_escape() -> None:
    text = r"""print("\a\b\f\n\r\t\v\\\"\'\65\065\x41\u{48}\u{20AC}\z
       x", 'a\
b')"""
    assert calls(text) == [("print", ("\a\b\f\n\r\t\v\\\"'AAAH\u20acx", "a\nb"), False)]
    assert calls(r'print("\195\169")') == [("print", ("é",), False)]
    assert calls(r'print("\255")') == [("print", ("\ufffd",), False)]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("print('a\n)", ["a.lua:1:7 a string does not end on its line"]),
        ('x = "a', ["a.lua:1:5 a string does not end on its line"]),
        ("x = [==[ a ]=] ]]", ["a.lua:1:5 a string in long brackets does not end"]),
        ("--[[ a", ["a.lua:1:1 a comment in long brackets does not end"]),
        ("function f()\n", ["a.lua:1:1 function is not closed"]),
        ("if a then\nprint(1\nend", ["a.lua:2:6 ( is not closed"]),
        ("x = { 1, 2", ["a.lua:1:5 { is not closed"]),
        ("repeat x = 1", ["a.lua:1:1 repeat is not closed"]),
        ("end", ["a.lua:1:1 end closes nothing here"]),
        ("x = 1)", ["a.lua:1:6 ) closes nothing here"]),
        ("repeat x = 1 end", ["a.lua:1:1 repeat is not closed", "a.lua:1:14 end closes nothing here"]),
        ("x = 5 ? 1", ["a.lua:1:7 a character that Lua does not know here"]),
        ("x = 3x", ["a.lua:1:5 a number goes on with letters"]),
        ('x = "\\300"', ["a.lua:1:6 a decimal escape beyond \\255"]),
    ],
)
def test_what_lua_refuses(text: str, problems: list[str], tmp_path: Path) -> None:
    assert said(parse_lua(text, "a.lua")) == problems
    assert not accepted_by_lua(text, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#!/usr/bin/lua\nprint(1)",
        "-- only a remark",
        "--[==[ ]] ]=] ]==] x = 1",
        "for i = 1, 10 do while true do break end end repeat local x = 1 until x == 1",
        "local t = { [1] = 'a'; b = [[c]], 'd' } t.x.y['z'](1)(2){}''",
        "if a then elseif b then else end do end",
        "local function f(...) return #{...}, not a, a and b or c, a ~= b, a .. b .. 'c', 2^-3 end",
        "x = a.b.c:d('e'):f{'g'}",
    ],
)
def test_what_lua_accepts(text: str, tmp_path: Path) -> None:
    assert said(parse_lua(text, "a.lua")) == []
    assert accepted_by_lua(text, tmp_path)


def accepted_by_lua(text: str, folder: Path) -> bool:
    program = shutil.which("luac5.3") or shutil.which("luac5.4") or shutil.which("luac")
    assert program, "the compiler of Lua is needed: apt-get install lua5.3"
    (folder / "a.lua").write_text(text, encoding="utf-8")
    return subprocess.run([program, "-p", "a.lua"], cwd=folder, capture_output=True, check=False).returncode == 0


def test_an_escape_of_lua_5_1_is_a_warning() -> None:
    script = parse_lua(r"print('\q')", "a.lua")
    assert [(one.severity, one.place) for one in script.problems] == [("warning", "a.lua:1:8")]
    assert script.calls[0].arguments == ("q",)


def test_a_script_is_read_on_behind_what_is_wrong() -> None:
    script = parse_lua("x = 'a\nfunction OnStoredInstance() os.execute('id') end", "a.lua")
    assert set(script.callbacks) == {"OnStoredInstance"}
    assert [one.function for one in script.calls] == ["os.execute"]


def test_places() -> None:
    script = parse_lua("\tprint(1)\r\n\r\n  os.execute(\r\n 'id')", "a.lua")
    assert [(one.mark.line, one.mark.column, one.mark.end_column) for one in script.calls] == [(1, 2, 7), (3, 3, 13)]


def test_problems_do_not_grow_without_end() -> None:
    assert len(parse_lua("? end " * 10_000, "a.lua").problems) <= 200


def test_too_long_a_script_is_not_read() -> None:
    script = parse_lua("x" * (MAXIMUM_CHARACTERS + 1), "a.lua")
    assert said(script) == ["a.lua:1:1 the script is longer than 2 Mi characters"]


def test_text_shows_no_secret() -> None:
    assert "hunter" not in repr(parse_lua("SetHttpTimeout(1) -- hunter2", "a.lua"))


@pytest.mark.parametrize("value", CORPUS)
def test_hostile_text_is_read(value: str) -> None:
    for text in (value, f"x = '{value}'", f"function {value}() HttpPost({value}) end", f"--[[{value}"):
        script = parse_lua(text, "a.lua")
        assert script.text == text


TOKENS = st.sampled_from(
    [*sorted(CALLBACKS)[:3], "function ", "end ", "if ", "then ", "pcall", "(", ")", "{", "}", "[", "]", "[[", "]]",
     "--", "'", '"', "\\", "\n", "..", ".", ",", "=", "HttpPost", "_G", "local ", "1", "0x", "x", "do ", "until ", "::"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(TOKENS, max_size=60).map("".join)))
def test_any_text(text: str) -> None:
    script = parse_lua(text, "a.lua")
    lines = text.count("\n") + text.count("\r") + len([c for c in text if c in "\x85\u2028\u2029"]) + 1
    for mark in (*script.callbacks.values(), *(one.mark for one in script.calls)):
        assert 1 <= mark.line <= lines
        assert mark.column < mark.end_column


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 200), st.text(max_size=10))
def test_our_script_with_a_piece_changed(at: int, length: int, put: str) -> None:
    text = GOLDEN[0].read_text(encoding="utf-8")
    changed = text[:at] + put + text[at + length :]
    assert parse_lua(changed, "a.lua").text == changed
