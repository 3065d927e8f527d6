"""Orthanc trusts every HTTPS server that it calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, set_to
from orthancgen.audit.references import ihe_atna, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "HttpsVerifyPeers"


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that looks at no certificate of those it calls."""
    for orthanc in subject.orthancs:
        if orthanc.get(_KEY) is False:
            yield Hit(
                f"{holds(orthanc, _KEY)}: Orthanc sends to whoever answers",
                *orthanc.place(_KEY),
                fix=set_to(subject, orthanc, _KEY, True),
            )


RULE: Final = Rule(
    id="https-servers-not-verified",
    severity=Severity.HIGH,
    confidence="certain",
    title="The certificates of HTTPS servers are not looked at",
    why="Whoever answers in the place of a peer, a DICOMweb server or a webhook's receiver gets the images and the "
    "password that Orthanc sends there.",
    remedy="Set HttpsVerifyPeers to true, and name the authority of your servers in HttpsCACertificates.",
    references=(orthanc_book("faq/security", "General configuration"), ihe_atna("ITI-19")),
    find=find,
)
