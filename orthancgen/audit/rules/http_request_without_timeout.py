"""A client that says nothing more keeps its connection for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, number, serving_http, set_to
from orthancgen.audit.references import nist_pacs, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "HttpRequestTimeout"


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc whose HTTP server waits without end."""
    for orthanc in serving_http(subject):
        if orthanc.knows(_KEY) and number(orthanc, _KEY) == 0:
            threads = number(orthanc, "HttpThreadsCount")
            yield Hit(
                f"{holds(orthanc, _KEY)}: {threads or 'a few'} silent connections stop the REST API",
                *orthanc.place(_KEY),
                fix=set_to(subject, orthanc, _KEY, 30),
            )


RULE: Final = Rule(
    id="http-request-without-timeout",
    severity=Severity.LOW,
    confidence="certain",
    title="HTTP requests have no time limit",
    why="Each connection holds a thread: a few clients that open one and say nothing shut out everybody else.",
    remedy="Set HttpRequestTimeout to 30, which is the default.",
    references=(orthanc_source("OrthancServer/Resources/Configuration.json"), nist_pacs("PR.PT-4")),
    find=find,
)
