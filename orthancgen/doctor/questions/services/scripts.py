"""Does Orthanc's Lua script run without errors, and is it the last word on its callbacks?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix
from orthancgen.doctor.observe import configuration, services, startup
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import anew, is_native
from orthancgen.doctor.questions.services.files import evidence_of
from orthancgen.site.problems import printable

_PLACE: Final = re.compile(r'\[string "[^"]{0,80}"\]:(\d{1,6}): (.{1,300})')
"""How Lua names a line of a script that was given to it as text; Orthanc gives each script so."""
_OURS: Final = "orthancgen.lua"
_CALLBACK: Final = re.compile(
    r"^[ \t]*function[ \t]+(OnStoredInstance|OnDeletedInstance|IncomingHttpRequestFilter)\b|"
    r"^[ \t]*(OnStoredInstance|OnDeletedInstance|IncomingHttpRequestFilter)[ \t]*=",
    re.MULTILINE,
)


def _fails(case: Case) -> Iterator[Finding]:
    lines = startup.script_failures(case)
    if not lines:
        return
    placed = [(line, match) for line in lines if (match := _PLACE.search(line.text))]
    telling = placed[-1][0] if placed else lines[-1]
    number = int(placed[-1][1][1]) if placed else None
    script = configuration.on_disk(case, configuration.LUA_FILE)
    source = script.decode("utf-8", "replace").split("\n") if script else []
    seen = [services.quoted(telling)]
    if number and number <= len(source):
        path = case.runtime.state.config / configuration.LUA_FILE
        seen.append(Evidence(printable(source[number - 1].strip(), 160), f"{path}:{number}"))
    changed = [one for one in configuration.altered(case) if one.path == configuration.LUA_FILE]
    seen += [evidence for one in changed for evidence in evidence_of(case, one)]
    where = f" at line {number}" if number else ""
    yield Diagnosis(
        "lua-script-failing",
        f"Orthanc's Lua script fails{where}: {len(lines)} error{'s' if len(lines) > 1 else ''} since its start",
        "orthanc",
        tuple(seen),
        anew(case, "put the deployed script back, and start Orthanc with it"),
        Fix("repair"),
        frozenset({"scripts", "web"}),
    )


def _overridden(case: Case) -> Iterator[Finding]:
    """Orthanc takes the last definition of a callback that it loads, without a word."""
    content = configuration.on_disk(case, configuration.ORTHANC_FILE)
    try:
        document: Any = json.loads(content or b"{}")
        scripts = document.get("LuaScripts", [])
    except (ValueError, AttributeError, RecursionError):
        return
    paths = [str(one) for one in scripts] if isinstance(scripts, list) else []
    folder = case.runtime.state.config / "orthanc"
    ours = [index for index, path in enumerate(paths) if Path(path).name == _OURS]
    if content is not None and not ours:
        yield _said(
            case, "Orthanc does not load the site's Lua script: roles are not enforced, nothing is poked", paths, folder
        )
        return
    for path in paths[ours[-1] + 1 :] if ours else ():
        text = configuration.read(folder / path)
        defined = (
            sorted({one or other for one, other in _CALLBACK.findall(text.decode("utf-8", "replace"))}) if text else []
        )
        if defined:
            yield _said(
                case,
                f"{Path(path).name} is loaded after the site's script, and replaces its {', '.join(defined)}",
                paths,
                folder,
            )


def _said(case: Case, title: str, paths: list[str], folder: Path) -> Diagnosis:
    return Diagnosis(
        "lua-script-overridden",
        title,
        "orthanc",
        (Evidence(f"LuaScripts: {', '.join(paths) or 'none'}", str(folder / "orthanc.json")),),
        anew(case),
        Fix("repair"),
        frozenset({"scripts"}),
    )


QUESTIONS: Final = (
    Question("script-runs", "Does the Lua script run without errors?", "scripts", _fails, ("lua-script-failing",)),
    Question(
        "script-has-last-word", "Does no other script replace its callbacks?", "scripts", _overridden,
        ("lua-script-overridden",), applies=is_native,
    ),
)  # fmt: skip
