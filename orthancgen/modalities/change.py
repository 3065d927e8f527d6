"""What is to become of the modalities of an environment, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

FIELDS: Final = ("aet", "address", "port", "vendor", "tls", "may", "description")
"""What is said of a modality here, in the order in which it is written; other keys of an entry are left as they are."""


@dataclass(frozen=True, slots=True)
class SetFields:
    """Add a modality, or set some of its fields.

    Attributes:
        name: its key in the environment.
        fields: the values, of those in `FIELDS`; a list for `may`.
    """

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a modality out.

    Attributes:
        name: its key in the environment.
        inherited: it stands in a file that the environment extends, so that only a key without a value takes it out.
    """

    name: str
    inherited: bool


Change = SetFields | Remove


def applied(document: Mapping[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """The plain values of the environment's own file after the changes; what is not changed is shared."""
    copy = dict(document)
    section = copy["modalities"] = dict(document.get("modalities") or {})
    for change in changes:
        if isinstance(change, SetFields):
            before = section.get(change.name) or {}
            section[change.name] = {**before, **_in_order(before, change.fields)}
        elif change.inherited:
            section[change.name] = None
        else:
            section.pop(change.name, None)
    return copy


def _in_order(before: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are written: what a list has already keeps its place in it."""
    return {key: kept_first(before.get(key), value) if key == "may" else value for key, value in fields.items()}


def kept_first(before: object, wanted: Sequence[str]) -> list[str]:
    """The items of a list of which the order says nothing: those that are there already first, as they stand."""
    old = [item for item in before if item in wanted] if isinstance(before, list) else []
    return [*dict.fromkeys([*old, *wanted])]
