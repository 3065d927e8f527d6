"""Two scripts define one callback: the one that is loaded last holds, without a word."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_scripts import loaded_paths, scripts_of
from orthancgen.audit.references import orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import LuaScript
from orthancgen.site.problems import printable

_OF_IMAGE: Final = {"filter-http-tools-reset.lua": "IncomingHttpRequestFilter"}
"""Scripts of orthancteam/orthanc, and what they define."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every definition of a callback that another script replaces."""
    for orthanc in subject.orthancs:
        last: dict[str, str] = {}
        found: list[tuple[str, str, LuaScript | None]] = []
        for file, script, names in _in_order(subject, orthanc):
            for name in names:
                found.append((name, file, script))
                last[name] = file
        for name, file, script in found:
            if last[name] != file:
                filters = name.endswith("Filter")
                yield Hit(
                    f"{name} of {printable(file)} is never called: {printable(last[name])} is loaded later and defines "
                    "it too",
                    *((script.callbacks[name], ()) if script is not None else orthanc.place("LuaScripts")),
                    severity=Severity.HIGH if filters else Severity.MEDIUM,
                )


def _in_order(subject: Subject, orthanc: Orthanc) -> Iterator[tuple[str, LuaScript | None, tuple[str, ...]]]:
    at_hand = {posixpath.basename(one.file.replace("\\", "/")): one for one in scripts_of(subject, orthanc)}
    for path in loaded_paths(orthanc):
        base = posixpath.basename(path.replace("\\", "/"))
        if base in at_hand:
            yield at_hand[base].file, at_hand[base], tuple(at_hand[base].callbacks)
        elif base in _OF_IMAGE and orthanc.part.publisher == "orthancteam":
            yield path, None, (_OF_IMAGE[base],)


RULE: Final = Rule(
    id="callback-defined-twice",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="Two scripts define the same callback",
    why="Orthanc keeps one definition of each callback, the last one it loads. The other is dead: a filter that nobody "
    "asks, or an event that is not told.",
    remedy="Put what both do into one function in one script.",
    references=(orthanc_book("users/lua"),),
    find=find,
)
