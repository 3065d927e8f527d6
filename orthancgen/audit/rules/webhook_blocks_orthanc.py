"""A receiver that does not answer stops Orthanc's REST API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_scripts import CALLING, each_script, scripts_of, webhooks
from orthancgen.audit.looking_settings import holds, number
from orthancgen.audit.references import orthanc_book, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import LuaCall
from orthancgen.orthanc.keys import Version

_LONGEST_SECONDS: Final = 5
_SET_TIMEOUT_SINCE: Final = Version(1, 11, 1)


def find(subject: Subject) -> Iterator[Hit]:
    """Every script whose calls may take long, or whose errors nobody catches."""
    for orthanc, script in each_script(subject):
        calls = [call for call in script.calls if call.function in CALLING]
        if not calls or orthanc is None:
            continue
        limits = _limits(subject, orthanc)
        for limit in limits:
            seconds = limit.arguments[0] if limit.arguments else None
            if isinstance(seconds, int | float) and not 0 < seconds <= _LONGEST_SECONDS and limit in script.calls:
                yield Hit(f"a call may wait {_seconds(seconds)} for an answer, and the REST API with it", limit.mark)
        general = number(orthanc, "HttpTimeout")
        if not limits and general is not None and not 0 < general <= _LONGEST_SECONDS:
            yield Hit(
                f"{calls[0].function} may wait {_seconds(general)} for an answer, and the REST API with it, once for "
                f"each image: {holds(orthanc, 'HttpTimeout')}, and nothing sets another limit",
                calls[0].mark,
            )
        for call in webhooks(script):
            if not call.inside_pcall:
                message = f"an error around {call.function} is caught by nobody: the event is lost"
                yield Hit(message, call.mark, hint="Call the function through pcall.", severity=Severity.LOW)


def _seconds(limit: float) -> str:
    return f"{limit:g} seconds" if limit > 0 else "for ever"


def _limits(subject: Subject, orthanc: Orthanc) -> list[LuaCall]:
    """The calls of SetHttpTimeout: one of any script holds for all of them."""
    if orthanc.version < _SET_TIMEOUT_SINCE:
        return []
    scripts = scripts_of(subject, orthanc) or subject.target.scripts
    return [call for script in scripts for call in script.calls if call.function == "SetHttpTimeout"]


RULE: Final = Rule(
    id="webhook-blocks-orthanc",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A call of a script may stop the REST API",
    why="Orthanc runs one script at a time, and every request of the REST API waits for it: a receiver that is down "
    "stops viewers, health checks and the web page, minutes for one study.",
    remedy="Call SetHttpTimeout(2) at the start of the script (1.11.1), or set HttpTimeout to 5 or less, and call "
    "through pcall.",
    references=(orthanc_book("users/lua"), orthanc_source("OrthancServer/Sources/LuaScripting.cpp")),
    find=find,
)
