"""Lua scripts of Orthanc: which callbacks they define, what they call, and whether an error of a call is caught."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from orthancgen.foreign.lua_names import CALLBACKS
from orthancgen.foreign.lua_reader import Function, Reader, Use
from orthancgen.foreign.lua_tokens import Lexer
from orthancgen.foreign.model import LuaScript
from orthancgen.site.problems import Mark, Problem

MAXIMUM_CHARACTERS: Final = 2 * 2**20
_ROUNDS: Final = 50
"""How often it is asked again who is called by whom; where that does not settle it, nothing counts as caught."""


def parse_lua(text: str, file: str) -> LuaScript:
    """Read a script.

    Args:
        text: of the script.
        file: its name, for the places.

    Returns:
        Callbacks with the place of their last definition (the one that counts); the calls of
        `lua_names.FUNCTIONS` in their order; as problems what does not end, ends nothing, or is no token of Lua.
    """
    if len(text) > MAXIMUM_CHARACTERS:
        problem = Problem(f"the script is longer than {MAXIMUM_CHARACTERS // 2**20} Mi characters", Mark(file, 1, 1, 2))
        return LuaScript(file, {}, (), frozenset(), text, (problem,))
    lexer = Lexer(text, file)
    reader = Reader(list(lexer.tokens()), lexer.places)
    reader.read()
    caught = _caught(reader.functions, reader.uses)
    calls = [replace(call, inside_pcall=call.inside_pcall or caught[within]) for call, within in reader.calls]
    calls.sort(key=lambda call: (call.mark.line, call.mark.column))
    problems = [*lexer.problems, *reader.problems]
    problems.sort(key=lambda one: (one.mark.line, one.mark.column) if one.mark else (0, 0))
    return LuaScript(file, reader.callbacks, tuple(calls), frozenset(reader.names), text, tuple(problems))


def _caught(functions: Sequence[Function], uses: Sequence[Use]) -> list[bool]:
    """For each function whether every way into it leads through pcall, as far as the script shows.

    A function with a name is safe where it is mentioned as the first argument of pcall, or inside of a safe function,
    and nowhere else. What Orthanc calls is not.
    """
    of_name: dict[str, list[Use]] = {}
    for use in uses:
        of_name.setdefault(use.name, []).append(use)
    named = {one.name for one in functions if one.name and one.name not in CALLBACKS}
    safe = {name for name in named if any(use.protected for use in of_name.get(name, ()))}
    for _ in range(_ROUNDS):
        caught = _inside(functions, safe)
        still = {name for name in safe if all(use.protected or caught[use.function] for use in of_name[name])}
        if still == safe:
            return caught
        safe = still
    return _inside(functions, ())


def _inside(functions: Sequence[Function], safe: Collection[str]) -> list[bool]:
    """Whether each function is given to pcall, has a safe name, or stands in one of which that holds."""
    inside = [False]
    inside += [False] * (len(functions) - 1)
    for number, one in enumerate(functions[1:], start=1):  # a function comes after those around it
        inside[number] = one.protected or one.name in safe or inside[one.parent]
    return inside
