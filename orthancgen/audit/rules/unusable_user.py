"""A registered user whom nobody can log in as, or who is taken for another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from orthancgen.audit.looking_settings import serving_http
from orthancgen.audit.references import orthanc_source, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import printable

_COLON_REFUSED_SINCE: Final = Version(1, 12, 10)
_NUMBER_REFUSED_SINCE: Final = Version(1, 13, 0)


def find(subject: Subject) -> Iterator[Hit]:
    """Every user whose name or password cannot be sent, or cannot be read."""
    for orthanc in serving_http(subject):
        if not orthanc.authentication:
            continue
        said = orthanc.values.get("RegisteredUsers", {})
        if not isinstance(said, dict):
            yield Hit("RegisteredUsers is no object of names and passwords", *orthanc.place("RegisteredUsers"))
            continue
        for name, password in said.items():
            fault = _fault(orthanc, str(name), password)
            if fault:
                yield Hit(f"the user {printable(repr(name))} {fault}", *orthanc.place("RegisteredUsers", str(name)))


def _fault(orthanc: Orthanc, name: str, password: Any) -> str:
    if ":" in name:
        then = "Orthanc does not start" if orthanc.version >= _COLON_REFUSED_SINCE else (
            "what follows the colon is taken for a part of the password"
        )  # fmt: skip
        return f"has a colon in the name: {then}"
    if not name:
        return "has no name, which no program sends"
    if any(ord(character) < 32 or ord(character) == 127 for character in name):
        return "has a control character in the name, which no program can send"
    if not isinstance(password, str):
        then = "Orthanc does not start" if orthanc.version >= _NUMBER_REFUSED_SINCE else "later versions do not start"
        return f"has a password that is {_kind(password)} and no text: {then}"
    if any(ord(character) < 32 or ord(character) == 127 for character in password):
        return "has a control character in the password, which no program can send"
    return ""


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "null" if value is None else "a list" if isinstance(value, list) else "an object"


RULE: Final = Rule(
    id="unusable-user",
    severity=Severity.HIGH,
    confidence="certain",
    title="A registered user that cannot log in, or stops the start",
    why="HTTP Basic authentication parts name and password at the first colon and carries no control characters: such "
    "a user is locked out or taken for another, and newer versions of Orthanc refuse to start.",
    remedy="Rename the user, and write its password as a text in quotes.",
    references=(rfc(7617, "section 2"), orthanc_source("NEWS")),
    find=find,
)
