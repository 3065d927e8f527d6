"""Users of the REST API may run Lua, and with it programs, on the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, serving_http, set_to
from orthancgen.audit.references import nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "ExecuteLuaEnabled"


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that takes scripts by POST /tools/execute-script; before 1.5.8 nothing turns that off."""
    for orthanc in serving_http(subject):
        severity = Severity.CRITICAL if orthanc.remote else Severity.HIGH
        if not orthanc.knows(_KEY):
            yield Hit(
                f"Orthanc {orthanc.version} runs any script that a user sends to /tools/execute-script, and has no "
                "setting against it",
                *orthanc.place(_KEY),
                hint="Update Orthanc, or refuse /tools/execute-script in IncomingHttpRequestFilter.",
                severity=severity,
            )
        elif orthanc.flag(_KEY):
            yield Hit(
                f"{holds(orthanc, _KEY)}: whoever may POST to /tools/execute-script runs programs as Orthanc's user",
                *orthanc.place(_KEY),
                severity=severity,
                fix=set_to(subject, orthanc, _KEY, False),
            )


RULE: Final = Rule(
    id="lua-over-rest",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="Scripts sent over the REST API are run",
    why="A script calls os.execute: one stolen or guessed password becomes control over the server.",
    remedy="Set ExecuteLuaEnabled to false, or remove it: false is the default.",
    references=(orthanc_book("faq/security", "Securing the HTTP server"), nist_pacs("PR.PT-3")),
    find=find,
)
