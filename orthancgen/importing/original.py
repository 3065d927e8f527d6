"""The configuration that is imported, as its Orthanc reads it: each value as it holds, defaults included."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from orthancgen.foreign.model import OrthancPart
from orthancgen.importing.names import has_variable
from orthancgen.importing.notes import Note, Outcome
from orthancgen.orthanc.keys import Key, check_settings, keys_for
from orthancgen.render.orthanc_json import CUSTOM_SECTION
from orthancgen.site.problems import KeyPath, Mark

OURS: Final = CUSTOM_SECTION
"""A configuration with this section is one that orthancgen rendered."""
_BOOLEANS = {"true": True, "false": False, "always": True, "never": False}
_NO_LIMIT = frozenset({"MaximumStorageSize", "MaximumPatientCount"})
"""Keys whose value Orthanc takes for 0 where it cannot read it; on all others it ends (seen with 1.10.1)."""
_APART = frozenset({"DicomModalities", "OrthancPeers", "RegisteredUsers"})
"""Keys whose entries are read one by one, so that one mistake does not cost the others."""


class Original:
    """What an Orthanc would run with.

    Args:
        part: what was read.

    A value of a known key that Orthanc cannot read is taken for what it is meant to be where that is certain
    (``"true"``), and for not being there otherwise; `mistakes` tells each.
    """

    def __init__(self, part: OrthancPart) -> None:
        self.part = part
        self.version = part.version
        self.known: Mapping[str, Key] = keys_for(part.version)
        plain = part.tree.plain()
        self.values: dict[str, Any] = plain if isinstance(plain, dict) else {}
        self.mistakes: list[Note] = []
        self._remembered: dict[str, str] = {}
        self._users_by_variable()
        for name in [name for name in self.values if name in self.known and name not in _APART]:
            self._mend(name)

    def __contains__(self, key: str) -> bool:
        """Whether the key is written, and can be read."""
        return key in self.values

    def get(self, key: str) -> Any:
        """The value that holds: what is written, else what the image takes, else what this version takes."""
        return self.values[key] if key in self.values else self.without(key)

    def without(self, key: str) -> Any:
        """The value that would hold if the key were not written: the default of the image, or of the version."""
        if key in self.part.image_defaults:
            return self.part.image_defaults[key]
        known = self.known.get(key)
        return known.default if known is not None else None

    def flag(self, key: str) -> bool:
        """Whether a boolean holds; False where the version does not know the key."""
        return key in self.known and self.get(key) is True

    def remembered(self, key: str, find: Callable[[Any], str]) -> str:
        """What `find` says of the value of a key, asked once."""
        if key not in self._remembered:
            self._remembered[key] = find(self.values.get(key))
        return self._remembered[key]

    def mark(self, *path: str | int) -> Mark | None:
        """Where a key is written; None where it is not."""
        node, depth = self.part.tree.find(path)
        return (node.key_mark or node.mark) if depth == len(path) and path else None

    def _users_by_variable(self) -> None:
        """Put back users whose password has a variable in it: the reader takes them out, because it is not known."""
        users = self.values.get("RegisteredUsers")
        for document in self.part.documents:
            node = document.tree.find(("RegisteredUsers",))[0] if document.tree is not None else None
            written = node.plain() if node is not None and node is not document.tree else None
            if isinstance(users, dict) and isinstance(written, dict):
                for name, password in written.items():
                    if isinstance(password, str) and has_variable(password):
                        users.setdefault(name, password)

    def _mend(self, key: str) -> None:
        value = self.values[key]
        if isinstance(value, str) and has_variable(value):
            self._cannot(key, "its value is that of an environment variable which is not known here", "write the value")
            return
        problems = check_settings({key: value}, self.version)
        if not problems or len(problems[0].path) > 1:  # what is wrong inside of an object is told with the object
            return
        meant = _meant(self.known[key], value)
        if meant is None:
            effect = "takes it for no limit" if key in _NO_LIMIT else "cannot read it"
            self._cannot(key, f"{problems[0].message}: Orthanc {effect}", problems[0].hint)
            return
        self.values[key] = meant
        written = "as a text" if isinstance(value, str) else "with a fraction"
        message = f"it is written {written}, which Orthanc {self.version} cannot read: taken for what it means"
        self.mistakes.append(Note((key,), Outcome.CHANGED, message, self.mark(key)))

    def _cannot(self, key: str, message: str, hint: str | None) -> None:
        self.mistakes.append(Note((key,), Outcome.LOST, message, self.mark(key), None, hint))
        del self.values[key]


def _meant(key: Key, value: object) -> bool | int | str | None:
    """What a value of the wrong type certainly means; None where nothing is certain."""
    if key.name in _NO_LIMIT:
        return None
    if isinstance(value, str):
        if key.type == ("boolean",):
            return _BOOLEANS.get(value.strip().lower())
        if key.type == ("integer",) and re.fullmatch(r"-?[0-9]{1,9}", value.strip(), re.ASCII):
            return _in_range(key, int(value))
        same = [one for one in key.values if isinstance(one, str) and one.casefold() == value.strip().casefold()]
        return same[0] if same else None
    if isinstance(value, float) and key.type == ("integer",) and value.is_integer() and abs(value) < 2**31:
        return _in_range(key, int(value))
    return None


def _in_range(key: Key, value: int) -> int | None:
    least = 0 if key.minimum is None else key.minimum
    most = 2**31 - 1 if key.maximum is None else key.maximum
    return value if least <= value <= most else None


def at(values: object, path: KeyPath) -> Any:
    """The value at a path of plain values; None where there is none."""
    for part in path:
        if isinstance(values, Mapping):
            values = values.get(part)
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            values = values[part]
        else:
            return None
    return values
