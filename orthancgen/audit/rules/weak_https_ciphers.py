"""Orthanc's own HTTPS accepts ciphers without forward secrecy or authenticated encryption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import number, serving_http
from orthancgen.audit.looking_tls import weak
from orthancgen.audit.references import orthanc_source, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable

_KEY: Final = "SslCiphersAccepted"
_TLS_1_3: Final = 5


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that ends TLS 1.2 itself with a list that is weak, or with its own, which is."""
    for orthanc in serving_http(subject):
        if not (orthanc.flag("SslEnabled") and orthanc.knows(_KEY)):
            continue
        if (number(orthanc, "SslMinimumProtocolVersion") or 0) >= _TLS_1_3:
            continue
        said = orthanc.get(_KEY)
        if not isinstance(said, list) or not said:
            yield Hit(
                f"{_KEY} is not set: Orthanc takes its own list, in which are ciphers of CBC with SHA-1, and "
                "AES128-SHA and AES256-SHA without forward secrecy",
                *orthanc.place(_KEY),
            )
            continue
        for index, one in enumerate(said):
            for cipher, why in weak([one] if isinstance(one, str) else []):
                yield Hit(f"the cipher {printable(cipher)} {why}", *orthanc.place(_KEY, index))


RULE: Final = Rule(
    id="weak-https-ciphers",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="HTTPS accepts weak ciphers",
    why="Without forward secrecy, what was recorded is read once the server's key is known; CBC with SHA-1 has let "
    "pieces of sessions be guessed.",
    remedy="Set SslCiphersAccepted to ECDHE-ECDSA-AES128-GCM-SHA256, ECDHE-RSA-AES128-GCM-SHA256 and the same with "
    "AES256-GCM-SHA384, or SslMinimumProtocolVersion to 5.",
    references=(rfc(9325, "section 4.2"), orthanc_source("OrthancFramework/Sources/HttpServer/HttpServer.cpp")),
    find=find,
)
