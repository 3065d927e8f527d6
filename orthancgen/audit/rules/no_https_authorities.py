"""Orthanc has no list of the authorities by which it knows HTTPS servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_calls import peers
from orthancgen.audit.looking_scripts import called_urls, scripts_of
from orthancgen.audit.looking_settings import holds
from orthancgen.audit.references import orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.orthanc.keys import Version

_KEY: Final = "HttpsCACertificates"
_OF_THE_SYSTEM_SINCE: Final = Version(1, 12, 6)
"""Since then the authorities of the operating system are taken where none are named."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that calls HTTPS servers, is to verify them, and cannot."""
    for orthanc in subject.orthancs:
        if orthanc.version >= _OF_THE_SYSTEM_SINCE or orthanc.get("HttpsVerifyPeers") is not True:
            continue
        if orthanc.get(_KEY):
            continue
        called = sorted(_https(subject, orthanc))
        if called:
            yield Hit(
                f"{holds(orthanc, _KEY)}: no certificate of {called[0]} is ever found good, and the calls fail",
                *orthanc.place(_KEY),
            )


def _https(subject: Subject, orthanc: Orthanc) -> set[str]:
    named = {f"{peer.words}" for peer in peers(orthanc) if peer.url.scheme == "https"}
    for script in scripts_of(subject, orthanc):
        named |= {f"{url.hostname}" for _, url in called_urls(subject, orthanc, script) if url.scheme == "https"}
    return named


RULE: Final = Rule(
    id="no-https-authorities",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="HTTPS servers are to be verified, and no authority is named",
    why="Every call over HTTPS fails. The usual way out is to turn the verification off, and then anybody can answer.",
    remedy="Set HttpsCACertificates to the PEM file of your authority, or to /etc/ssl/certs/ca-certificates.crt.",
    references=(orthanc_book("faq/security", "General configuration"), orthanc_book("users/lua")),
    find=find,
)
