"""What the scan finds, and the table of its rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class LeakRule:
    """One kind of leak.

    Attributes:
        id: kebab-case; never changed, never used again.
        remedy: what to do where one is found.
        allowed: whether a comment in the file may allow it.
    """

    id: str
    remedy: str
    allowed: bool = True


_TAKE_OUT: Final = "take it out, name it by reference, and change it where it is used: what git has seen is known"

KNOWN: Final = LeakRule(
    "known-secret", "take it out and rotate it: `orthancgen secrets rotate ENV NAME`, then deploy", allowed=False
)
PRIVATE_KEY: Final = LeakRule(
    "private-key", "take it out, revoke its certificate and make a new key: whoever has read access has it now"
)
REGISTERED_USER: Final = LeakRule(
    "orthanc-password",
    "leave RegisteredUsers out of tracked files (Orthanc reads a second file that has it), and change the password",
)
DATABASE_LOGIN: Final = LeakRule(
    "database-login", "put the address without its login here and the password into a secret; change the password"
)
URL_LOGIN: Final = LeakRule("url-login", _TAKE_OUT)
HEADER_LOGIN: Final = LeakRule("header-login", _TAKE_OUT)
VENDOR_TOKEN: Final = LeakRule("vendor-token", "take it out and revoke it with whoever issued it, today")
LITERAL: Final = LeakRule("literal-secret", _TAKE_OUT)
DEFAULT: Final = LeakRule(
    "default-password", "put a reference in its place; a default that everybody knows ends up in production"
)
PRIVATE_FILE: Final = LeakRule(
    "private-file", "`git rm --cached` it, add it to .gitignore, and replace the keys and passwords that are in it"
)

LEAK_RULES: Final = (
    *(KNOWN, PRIVATE_KEY, REGISTERED_USER, DATABASE_LOGIN, URL_LOGIN, HEADER_LOGIN),
    *(VENDOR_TOKEN, LITERAL, DEFAULT, PRIVATE_FILE),
)
"""Every rule; where two hold at one place, the first one is told."""


@dataclass(frozen=True, slots=True)
class Span:
    """A hit in the text of one file: where the value stands, and what it is, without the value."""

    rule: LeakRule
    start: int
    end: int
    what: str


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret at a place.

    Attributes:
        file: its name, relative to the working folder where it lies below it.
        line, column, end_column: from 1; the last one is behind the value.
        what: one sentence without the value.
        commit: where history was read, the first commit that has it, "" where none has; else None.
        also: in how many other versions of the file it stands.
    """

    rule: LeakRule
    file: str
    line: int
    column: int
    end_column: int
    what: str
    commit: str | None = None
    also: int = 0
