"""A proxy that passes on to Orthanc what it got unencrypted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_http import Reach, ways
from orthancgen.audit.looking_settings import serving_http
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every port of nginx without TLS that other hosts reach, and behind which an Orthanc is."""
    for orthanc in serving_http(subject):
        for way in ways(subject, orthanc):
            if way.kind == "proxy" and way.reach is Reach.NETWORK and not way.encrypted:
                name = printable(orthanc.part.name)
                message = f"HTTP without TLS is spoken to other hosts on {way.words}, and passed on to {name}"
                yield Hit(message, way.mark, way.path)


RULE: Final = Rule(
    id="proxy-without-tls",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A proxy in front of Orthanc speaks no TLS",
    why="Names, passwords and images are read, and changed, by whoever is on the way; the browser sends the password "
    "with every request.",
    remedy="Write `listen 443 ssl;` with a certificate, and let the server on port 80 answer nothing but `return 301 "
    "https://$host$request_uri;`.",
    references=(orthanc_book("faq/nginx"), orthanc_book("faq/https"), hipaa("(e)(2)(ii)"), nist_pacs("PR.DS-2")),
    find=find,
)
