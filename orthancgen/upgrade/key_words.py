"""Words about keys of Orthanc: their types, their values as far as they may be shown, what changed of them."""

from __future__ import annotations

import json
from typing import Final

from orthancgen.orthanc.keys import Key
from orthancgen.site.problems import printable

_TYPES: Final = {"boolean": "true or false", "string": "a text", "integer": "an integer", "list": "a list"}
_SHOWN: Final = ("HttpBindAddresses",)
"""Keys whose lists are shown: they hold no secret."""


def named(key: Key) -> str:
    """The key, with its section where it is not of the top level."""
    return key.name if key.section == "core" else f"{key.name} of {key.section}"


def shown(value: object) -> str:
    """A value of the table as JSON, on one line and not long."""
    return "nothing" if value is None else printable(json.dumps(value, ensure_ascii=False, default=str), 60)


def said(key: Key, value: object) -> str:
    """A value that somebody set: truth values, numbers and words of a list; all else may hold a secret."""
    harmless = isinstance(value, bool | int | float) or any(same(value, one) for one in key.values)
    return shown(value) if not key.secret and (harmless or key.name in _SHOWN) else "[set]"


def by_default(key: Key) -> str:
    """The default of a key in parentheses, or "" where it has none."""
    return "" if key.default is None else f" (by default {shown(key.default)})"


def about(key: Key) -> str:
    """The sentence about a key, without its full stop."""
    return key.description.rstrip(".")


def same(value: object, other: object) -> bool:
    """Whether two JSON values are the same; 0 is not false, and 1 is not true."""
    return type(value) is type(other) and value == other


def differences(was: Key, key: Key) -> str:
    """What differs between a key of two versions, without who relies on it; "" where nothing does."""
    parts = []
    if was.type != key.type:
        parts.append(f"takes {_types(key.type)}, no longer {_types(was.type)}")
    if added := added_values(was, key):
        parts.append(f"can be {_list(added)}")
    if gone := gone_values(was, key):
        parts.append(f"can no longer be {_list(gone)}")
    if not same(was.default, key.default):
        parts.append(f"is {shown(key.default)} by default, no longer {shown(was.default)}")
    return f"{named(key)} {', '.join(parts)}" if parts else ""


def added_values(was: Key, key: Key) -> tuple[object, ...]:
    """Values that are allowed now; with another type, those of the types that are new."""
    if not was.values:
        return tuple(one for one in key.values if was.type != key.type and isinstance(one, str))
    return tuple(one for one in key.values if not any(same(one, other) for other in was.values))


def gone_values(was: Key, key: Key) -> tuple[object, ...]:
    """Values that are no longer allowed."""
    return tuple(one for one in was.values if key.values and not any(same(one, other) for other in key.values))


def _list(values: tuple[object, ...]) -> str:
    return " or ".join(shown(value) for value in values)


def _types(kinds: tuple[str, ...]) -> str:
    return " or ".join(_TYPES.get(kind, f"a {kind}") for kind in kinds)
