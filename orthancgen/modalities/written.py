"""Values as they are written into an environment file: YAML that every reader takes for the same value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_WIDEST: Final = 100
"""Columns up to which an entry may stand on one line."""
_PLAIN: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./()-]+)*+"  # words
    r"|[0-9]{1,3}(?:\.[0-9]{1,3}){3}",  # addresses
    re.ASCII,
)
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""https://yaml.org/type/bool.html: texts to some readers, truth values to others."""


def scalar(value: Any) -> str:
    """A text, number, truth value or list of them, on one line; a text is quoted but where nobody could misread it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(scalar, value))}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # A scalar of JSON is one of YAML: https://yaml.org/spec/1.2.2/#12-introduction-to-yaml.
    return json.dumps(value, ensure_ascii=False)


def flow(fields: Mapping[str, Any]) -> str:
    """``{aet: CT1, address: 192.0.2.10}``."""
    return f"{{{', '.join(f'{key}: {scalar(value)}' for key, value in fields.items())}}}"


def block(name: str, fields: Mapping[str, Any] | None, indent: int, step: int, *, one_line: bool) -> list[str]:
    """The lines of an entry, without ends of lines.

    Args:
        name: its key.
        fields: its values; None for a key without a value.
        indent: columns before the key.
        step: further columns before its fields.
        one_line: write it as ``name: {...}``, as its neighbours are, unless it is too long.
    """
    head = f"{' ' * indent}{scalar(name)}:"
    if fields is None:
        return [head]
    if one_line and len(line := f"{head} {flow(fields)}") <= _WIDEST:
        return [line]
    return [head, *(f"{' ' * (indent + step)}{key}: {scalar(value)}" for key, value in fields.items())]


def listed(items: Sequence[str], indent: int) -> list[str]:
    """Items of a block sequence, a line each."""
    return [f"{' ' * indent}- {scalar(item)}" for item in items]
