"""A login is asked for, and there is no user: Orthanc makes one that everybody knows, or does not start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_logins import authorization_plugin
from orthancgen.audit.looking_settings import serving_http
from orthancgen.audit.references import orthanc_book, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import REMOTE_LOGIN_SINCE, Orthanc, Subject
from orthancgen.orthanc.keys import Version

_EMPTY_IS_NOBODY_SINCE: Final = Version(1, 12, 9)
"""Since then an empty RegisteredUsers is taken as it is; before, it counted as absent."""
_REFUSED_SINCE: Final = Version(1, 13, 0)


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that asks other hosts for a login, and has none."""
    for orthanc in serving_http(subject):
        if not (orthanc.remote and orthanc.authentication) or orthanc.version < REMOTE_LOGIN_SINCE:
            continue
        if orthanc.users or orthanc.part.users_elsewhere or authorization_plugin(orthanc):
            continue
        severity, what = _judged(orthanc)
        key = "RegisteredUsers" if orthanc.is_set("RegisteredUsers") else "AuthenticationEnabled"
        yield Hit(what, *orthanc.place(key), severity=severity)


def _judged(orthanc: Orthanc) -> tuple[Severity, str]:
    empty = orthanc.is_set("RegisteredUsers")
    said = "RegisteredUsers is empty" if empty else "RegisteredUsers is not set"
    if empty and orthanc.version >= _EMPTY_IS_NOBODY_SINCE:
        ends = orthanc.version >= _REFUSED_SINCE and orthanc.part.publisher == "orthancteam"
        then = "the image ends at its start" if ends else "nobody can log in"
        return Severity.MEDIUM, f"{said}: {then}"
    if orthanc.version >= _REFUSED_SINCE:
        return Severity.HIGH, f"{said}: Orthanc {orthanc.version} does not start"
    return Severity.CRITICAL, f"{said}: Orthanc {orthanc.version} makes the user orthanc with the password orthanc"


RULE: Final = Rule(
    id="no-registered-user",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A login is asked for, and no user is registered",
    why="Before 1.13.0 Orthanc then makes a user whose name and password stand in its own documentation: the login "
    "keeps nobody out. Since 1.13.0 it does not start.",
    remedy="Register users under RegisteredUsers with generated passwords, in a file of its own that only Orthanc may "
    "read.",
    references=(
        orthanc_book("faq/security", "Securing the HTTP server"),
        orthanc_source("OrthancServer/Sources/main.cpp"),
    ),
    find=find,
)
