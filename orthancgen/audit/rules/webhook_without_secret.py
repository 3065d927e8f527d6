"""The receiver of a webhook cannot tell Orthanc from anybody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_scripts import each_script, said, webhooks
from orthancgen.audit.references import hipaa, orthanc_book, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import LuaScript

_SECRET: Final = re.compile(r"authorization|api[-_]?key|token|secret|signature|hmac|bearer", flags=re.IGNORECASE)


def find(subject: Subject) -> Iterator[Hit]:
    """Every call that tells of an event and carries nothing that only Orthanc knows."""
    for _, script in each_script(subject):
        if not _has_secret(script):
            for call in webhooks(script):
                yield Hit(f"{call.function} tells of an event without a token, a login or a signature", call.mark)


def _has_secret(script: LuaScript) -> bool:
    if any(call.function == "SetHttpCredentials" for call in script.calls):
        return True
    words = said(script.text, script.file)
    return any(_SECRET.search(one[:1000]) for one in (*words.names, *words.texts))


RULE: Final = Rule(
    id="webhook-without-secret",
    severity=Severity.HIGH,
    confidence="likely",
    title="A webhook carries no secret",
    why="Whoever reaches the receiver tells it that images have arrived: it fetches, analyses and reports what they "
    "say.",
    remedy="Send a token in a header of each call, read from a section of the configuration, and let the receiver "
    "refuse calls without it.",
    references=(
        orthanc_book("users/lua"),
        hipaa("(d)"),
        page(
            "Standard Webhooks",
            "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
        ),
    ),
    find=find,
)
