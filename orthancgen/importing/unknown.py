"""Keys that Orthanc does not read, told apart: misspelt, of another version, a remark, of others, or never there."""

from __future__ import annotations

from typing import Final

from orthancgen.importing.notes import Outcome

REMARKS: Final = ("_", "//", "#", "$")
"""What keys start with that people write as comments."""
_BY_MESSAGE: Final = (
    ("exists in no version of Orthanc", Outcome.NEVER_EXISTED),
    ("is new in", Outcome.TOO_NEW),
    ("was the last version with it", Outcome.RETIRED),
)
_BY_HINT: Final = ("did you mean", "belongs into", "is a key of the top level")
"""What `orthancgen.orthanc.keys.check_settings` says of a key that a version does not know."""


def outcome_of(name: str, value: object, message: str, hint: str | None, *, top: bool = False) -> Outcome:
    """What became of a key that the version does not know.

    Args:
        name: the key.
        value: what is written.
        message: the message of `check_settings` about it.
        hint: its hint.
        top: it stands at the top level, where plugins and scripts have sections of their own.
    """
    if name.startswith(REMARKS):
        return Outcome.REMARK
    for words, outcome in _BY_MESSAGE:
        if words in message:
            return outcome
    if hint is not None and any(words in hint for words in _BY_HINT):
        return Outcome.MISSPELT
    if top and isinstance(value, dict):
        return Outcome.THIRD_PARTY
    return Outcome.UNKNOWN
