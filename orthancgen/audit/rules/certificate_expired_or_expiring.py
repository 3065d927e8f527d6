"""A certificate that is not valid any more, not yet, or not for long."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_certificates import chain, subject_words
from orthancgen.audit.references import ihe_atna, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_SOON_DAYS: Final = 30


def find(subject: Subject) -> Iterator[Hit]:
    """Every certificate of every file, those of authorities included."""
    now = datetime.datetime.combine(subject.today, datetime.time(12), datetime.UTC)
    for pem in subject.target.pems:
        for certificate in chain(pem):
            start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            who = subject_words(certificate)
            if end <= now:
                yield Hit(f"{who} expired on {end.date()}", file=pem.file)
            elif start > now:
                yield Hit(f"{who} is not valid before {start.date()}", file=pem.file)
            elif (end - now).days < _SOON_DAYS:
                days = (end - now).days
                yield Hit(f"{who} expires on {end.date()}, in {days} days", file=pem.file, severity=Severity.MEDIUM)


RULE: Final = Rule(
    id="certificate-expired-or-expiring",
    severity=Severity.HIGH,
    confidence="certain",
    title="A certificate has expired, or soon will have",
    why="From that moment modalities and browsers refuse to connect, or people learn to click the warning away, and "
    "then nobody notices a forged one.",
    remedy="Have a new certificate issued for the same key or a new one, and put its renewal on a calendar.",
    references=(rfc(5280, "section 4.1.2.5"), rfc(9325, "section 6"), ihe_atna("ITI-19")),
    find=find,
)
