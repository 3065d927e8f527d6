"""Lua scripts of an Orthanc: which of them it loads, what they say outside of comments, whom they call."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import SplitResult

from orthancgen.audit.looking_hosts import split_url, urls_in
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.lua import MAXIMUM_CHARACTERS
from orthancgen.foreign.lua_tokens import Lexer
from orthancgen.foreign.model import LuaCall, LuaScript
from orthancgen.orthanc.keys import keys_for, plugin_sections

SENDING: Final = frozenset({"HttpPost", "HttpPut"})
CALLING: Final = frozenset({"HttpGet", "HttpPost", "HttpPut", "HttpDelete"})
EVENTS: Final = ("OnStored", "OnStable", "OnUpdated", "OnDeleted", "OnJob", "OnHeartBeat")
"""How the callbacks begin by which Orthanc tells that something happened."""
_URL_ARGUMENT: Final = 0


@dataclass(frozen=True, slots=True)
class Said:
    """The words of a script outside of its comments: its names, its texts, and the names it gives to DumpJson."""

    names: tuple[str, ...]
    texts: tuple[str, ...]
    dumped: tuple[str, ...]


@lru_cache(maxsize=64)
def said(text: str, file: str) -> Said:
    """The words of a script; none of one that is too long to be read (`lua.MAXIMUM_CHARACTERS`)."""
    tokens = list(Lexer(text, file).tokens()) if len(text) <= MAXIMUM_CHARACTERS else []
    return Said(
        tuple(one.text for one in tokens if one.kind == "name"),
        tuple(one.text for one in tokens if one.kind == "string"),
        tuple(
            third.text
            for first, second, third in zip(tokens, tokens[1:], tokens[2:], strict=False)
            if first.text == "DumpJson" and second.text == "(" and third.kind == "name"
        ),
    )


def scripts_of(subject: Subject, orthanc: Orthanc) -> tuple[LuaScript, ...]:
    """The scripts at hand that an Orthanc loads, in the order in which it does: the last definition of a name holds."""
    at_hand = {_base(one.file): one for one in reversed(subject.target.scripts)}
    return tuple(at_hand[name] for name in dict.fromkeys(map(_base, loaded_paths(orthanc))) if name in at_hand)


def missing_scripts(subject: Subject, orthanc: Orthanc) -> bool:
    """Whether an Orthanc loads a script that is not at hand, so that what it does is not known."""
    return len(scripts_of(subject, orthanc)) < len(set(map(_base, loaded_paths(orthanc))))


def loaded_paths(orthanc: Orthanc) -> tuple[str, ...]:
    """The paths of the scripts that an Orthanc loads, in its order."""
    said = orthanc.get("LuaScripts")
    return tuple(one for one in said if isinstance(one, str)) if isinstance(said, list) else ()


def _base(path: str) -> str:
    return posixpath.basename(path.replace("\\", "/"))


def each_script(subject: Subject) -> Iterator[tuple[Orthanc | None, LuaScript]]:
    """Every script with the Orthanc that loads it; those that none loads with the only one there is, or with None."""
    loaded: set[str] = set()
    for orthanc in subject.orthancs:
        for script in scripts_of(subject, orthanc):
            loaded.add(script.file)
            yield orthanc, script
    only = subject.orthancs[0] if len(subject.orthancs) == 1 else None
    yield from ((only, script) for script in subject.target.scripts if script.file not in loaded)


def own_sections(orthanc: Orthanc) -> Mapping[str, Any]:
    """The parts of a configuration that are neither Orthanc's nor a plugin's: a script reads them, or nobody does."""
    known = keys_for(orthanc.version)
    plugins = plugin_sections()
    return {key: value for key, value in orthanc.values.items() if key not in known and key not in plugins}


def reads_section(script: LuaScript, section: str) -> bool:
    """Whether a script reads Orthanc's configuration and names a section of it."""
    words = said(script.text, script.file)
    return "GetOrthancConfiguration" in words.names and section in {*words.texts, *words.names}


def sections_read(subject: Subject, orthanc: Orthanc) -> frozenset[str]:
    """The sections that a script reads, or may: one that is not at hand, or in Python, may read every one."""
    scripts = scripts_of(subject, orthanc)
    unread = missing_scripts(subject, orthanc) or isinstance(orthanc.get("PythonScript"), str)
    return frozenset(
        name
        for name, value in own_sections(orthanc).items()
        if (unread and isinstance(value, Mapping)) or any(reads_section(script, name) for script in scripts)
    )


def called_urls(subject: Subject, orthanc: Orthanc | None, script: LuaScript) -> Iterator[tuple[LuaCall, SplitResult]]:
    """The URLs that a script calls, each with the first call by which that may be.

    A URL that is put together is looked for among the script's texts, and in the sections of the configuration that it
    reads.
    """
    del subject
    calls = [call for call in script.calls if call.function in CALLING]
    seen: set[str] = set()
    for call in calls:
        literal = call.arguments[_URL_ARGUMENT] if call.arguments else None
        found = [literal] if isinstance(literal, str) else list(_elsewhere(orthanc, script))
        for text in found:
            url = split_url(text)
            if url is not None and (text not in seen or isinstance(literal, str)):
                seen.add(text)
                yield call, url


def _elsewhere(orthanc: Orthanc | None, script: LuaScript) -> Iterator[str]:
    yield from urls_in(said(script.text, script.file).texts)
    if orthanc is not None:
        for name, section in own_sections(orthanc).items():
            if reads_section(script, name):
                yield from urls_in(_texts(section))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def webhooks(script: LuaScript) -> tuple[LuaCall, ...]:
    """The calls by which a script tells others of events: none where it defines no callback of one."""
    tells = any(name.startswith(EVENTS) for name in script.callbacks)
    return tuple(call for call in script.calls if call.function in SENDING) if tells else ()
