"""An Orthanc that is killed before it has told what it received."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import orthanc_of, place, said, seconds
from orthancgen.audit.looking_scripts import CALLING, scripts_of
from orthancgen.audit.references import orthanc_source, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeService
from orthancgen.site.problems import printable

_ENGINE_SECONDS: Final = 10.0
"""What the engine waits where nobody says otherwise."""
_ENOUGH_SECONDS: Final = 30.0
_EVENTS: Final = ("OnStored", "OnStable", "OnNew", "OnUpdated", "OnDeleted")


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc in a container whose scripts call others on events, with less time than their queue may need."""
    for _, service in subject.services:
        if service.role != "orthanc" or not _calls(subject, service):
            continue
        said_grace = said(service, "stop_grace_period")
        grace = seconds(said_grace) if said_grace is not None else _ENGINE_SECONDS
        if grace is not None and grace < _ENOUGH_SECONDS:
            mark, path = place(service, "stop_grace_period")
            by = "as said" if said_grace is not None else "the engine's own choice"
            message = (
                f"{printable(service.name)} is killed {grace:g} s after it was told to stop ({by}), whatever its "
                "scripts still have to send"
            )
            yield Hit(message, mark, path)


def _calls(subject: Subject, service: ComposeService) -> bool:
    """Whether a script of the Orthanc in a service calls somebody on an event."""
    orthanc = orthanc_of(subject, service)
    scripts = scripts_of(subject, orthanc) if orthanc is not None else subject.target.scripts
    return any(
        any(call.function in CALLING for call in script.calls)
        and any(callback.startswith(_EVENTS) for callback in script.callbacks)
        for script in scripts
    )


RULE: Final = Rule(
    id="short-stop-grace",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="Orthanc is killed before its events are told",
    why="Events wait in memory alone, and are handed to the Lua script one by one; when it is told to stop, Orthanc "
    "works them off first. Those that are left when it is killed are lost, and nobody hears of those images.",
    remedy="Write `stop_grace_period: 60s`.",
    references=(
        orthanc_source("OrthancServer/Sources/LuaScripting.cpp"),
        page(
            "Compose: stop_grace_period", "https://docs.docker.com/reference/compose-file/services/#stop_grace_period"
        ),
    ),
    find=find,
)
