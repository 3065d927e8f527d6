"""Orthanc's own HTTPS accepts a version of TLS that is no longer safe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, number, serving_http, set_to
from orthancgen.audit.references import nist_pacs, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "SslMinimumProtocolVersion"
_TLS_1_2: Final = 4
_WORDS: Final = {0: "SSL 2.0", 1: "SSL 3.0", 2: "TLS 1.0", 3: "TLS 1.1"}


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that ends TLS itself and goes below TLS 1.2."""
    for orthanc in serving_http(subject):
        oldest = number(orthanc, _KEY)
        if not orthanc.flag("SslEnabled") or not orthanc.knows(_KEY) or oldest is None or oldest >= _TLS_1_2:
            continue
        named = _WORDS.get(oldest, "versions older than TLS 1.2")
        yield Hit(
            f"{holds(orthanc, _KEY)}: {named} and newer are accepted",
            *orthanc.place(_KEY),
            fix=set_to(subject, orthanc, _KEY, _TLS_1_2),
        )


RULE: Final = Rule(
    id="old-https-version",
    severity=Severity.HIGH,
    confidence="certain",
    title="HTTPS accepts versions of TLS older than 1.2",
    why="TLS 1.0 and 1.1 rest on MD5 and SHA-1 and are forbidden since 2021; somebody on the way can make both sides "
    "fall back to them.",
    remedy="Set SslMinimumProtocolVersion to 4 (TLS 1.2) or 5 (TLS 1.3), or remove it: 4 is the default.",
    references=(rfc(8996), rfc(9325, "section 3.1.1"), nist_pacs("PR.DS-2")),
    find=find,
)
