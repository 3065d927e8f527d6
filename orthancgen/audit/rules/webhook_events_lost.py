"""What arrives is told once, by a script alone: what fails is never told again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_scripts import each_script, webhooks
from orthancgen.audit.references import orthanc_book, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_CATCHES_UP: Final = re.compile(
    r"/changes|(?<![a-z])changes[_-]|[_-]changes\b|reconcil|outbox|StoreKeyValue", re.IGNORECASE
)
"""What stands in a set-up whose receiver reads Orthanc's own list of changes as well, or keeps what was not told."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every script that tells of arrivals, where nothing at hand reads Orthanc's changes."""
    if subject.plan is not None:
        caught_up = subject.plan.site.backend.enabled  # it reads the changes
    else:
        caught_up = any(_CATCHES_UP.search(text) for text in subject.target.raw.values())
    if caught_up:
        return
    for _, script in each_script(subject):
        for call in webhooks(script)[:1]:
            yield Hit(
                f"{call.function} is the only way by which arrivals are told: nothing here reads /changes",
                call.mark,
            )


RULE: Final = Rule(
    id="webhook-events-lost",
    severity=Severity.MEDIUM,
    confidence="possible",
    title="Events are told by a script alone",
    why="Orthanc keeps the events for its scripts in memory and calls once: what comes while the receiver is down, or "
    "while Orthanc ends, is never told, and nobody misses it.",
    remedy="Let the receiver read GET /changes from where it stopped, and take the call of the script for a hint.",
    references=(
        orthanc_book("users/rest", "Tracking changes"),
        orthanc_source("OrthancServer/Sources/LuaScripting.cpp"),
    ),
    find=find,
)
