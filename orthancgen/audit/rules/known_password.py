"""A login that stands in programs, documentation or samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_logins import asks_login, databases, known, users
from orthancgen.audit.references import hipaa, orthanc_source, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every known login: of the REST API where a login counts, and of the database."""
    for orthanc in subject.orthancs:
        logs_in = orthanc.flag("HttpServerEnabled") and asks_login(orthanc)
        for login in (*users(orthanc), *databases(orthanc, subject.service_of(orthanc))):
            of_database = login.path[0] != "RegisteredUsers"
            one = known(login)
            if one is None or not (of_database or logs_in):
                continue
            yield Hit(
                f"{login.what} has a password that stands in {printable(one.source)}",
                login.mark,
                login.path,
                severity=Severity.HIGH if of_database else Severity.CRITICAL,
            )


RULE: Final = Rule(
    id="known-password",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A password that everybody knows",
    why="Programs that search networks for Orthanc try these logins first. Who logs in as such a user reads and "
    "deletes every image.",
    remedy="Give the user a generated password of its own, and look in the log for logins that were not yours.",
    references=(
        orthanc_source("OrthancServer/Sources/main.cpp"),
        hipaa("(d)"),
        page("NIST SP 800-63B-4, passwords", "https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver"),
    ),
    find=find,
)
