"""What pydantic found wrong, in words of the people who wrote the file, with hints."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from orthancgen.site.problems import KeyPath, printable
from orthancgen.site.types import SecretRef

_KINDS = {
    "string": "a text", "int": "a whole number", "float": "a number", "bool": "true or false", "tuple": "a list",
    "dict": "a section with keys", "model": "a section with keys",
}  # fmt: skip
"""First part of pydantic's error type -> what is wanted."""
_REFERENCE_HINT = "write {secret: a_name}; `secrets:` says where its value comes from, or it is generated"
_SOURCE_HINT = "write {file: /path} or {env: VARIABLE}, or leave it out to have the secret generated"
BOUNDS = {
    "greater_than_equal": ("at least {ge}", "the smallest value is {ge}"),
    "less_than_equal": ("at most {le}", "the largest value is {le}"),
}


def message_and_hint(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str | None]:
    """The sentence and the hint for one error.

    Args:
        error: as ``ValidationError.errors()`` lists it.
        model: the model at the root of the error's location.
    """
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    if reaches(model, error["loc"], SecretRef) and kind != "missing":
        return "a reference to a secret is wanted here, never the secret itself", _REFERENCE_HINT
    if error["loc"][:1] == ("secrets",) and kind in {"model_type", "extra_forbidden"}:
        return "a source of a secret is wanted here, file: or env:, never the secret itself", _SOURCE_HINT
    if kind == "extra_forbidden":
        return _unknown_key(str(error["loc"][-1]), fields_at(model, error["loc"][:-1]))
    if kind == "missing":
        return f"{error['loc'][-1]} is missing", None
    if kind in {"literal_error", "enum"}:
        return _not_one_of(given, context)
    if kind == "value_error":
        return str(context["error"]), None
    if kind in BOUNDS:
        template = BOUNDS[kind][1]
        return f"{_shown(given)} is out of range: {template.format(**context)}", None
    if kind == "string_pattern_mismatch":
        return f"{_shown(given)} does not have the form {context['pattern']}", None
    if kind == "string_too_long":
        return f"the text has more than {context['max_length']} characters", None
    wanted = _KINDS.get(kind.split("_")[0])
    if wanted is not None:
        return _wrong_kind(given, wanted)
    return str(error["msg"]), None


def _unknown_key(key: str, known: Sequence[str]) -> tuple[str, str | None]:
    return f"unknown key {printable(key)}", did_you_mean(key, known) or (
        f"known here: {', '.join(known)}" if known else None
    )


def did_you_mean(word: str, known: Sequence[str]) -> str | None:
    """A hint that names the known word most like the given one, or None."""
    folded = {name.casefold().replace("-", "_"): name for name in known}
    near = difflib.get_close_matches(word.casefold().replace("-", "_"), folded, n=1, cutoff=0.6)
    return f"did you mean {folded[near[0]]}?" if near else None


def _not_one_of(given: Any, context: Mapping[str, Any]) -> tuple[str, str | None]:
    expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    words = [word.strip() for word in expected.split(",")]
    return f"{_shown(given)} is none of: {', '.join(words)}", did_you_mean(given, words) if isinstance(
        given, str
    ) else None


def _wrong_kind(given: Any, wanted: str) -> tuple[str, str | None]:
    hint = None
    if wanted == "a text" and isinstance(given, bool | int | float):
        hint = f'quote it: "{str(given).lower() if isinstance(given, bool) else given}"'
    elif wanted == "a list" and isinstance(given, str):
        hint = f"write [{printable(given, 40)}]"
    elif wanted in {"a whole number", "a number", "true or false"} and isinstance(given, str):
        hint = "without quotes"
    return f"{wanted} is wanted here, not {_kind_of(given)}", hint


def _kind_of(given: Any) -> str:
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, int | float):
        return f"the number {given}"
    if isinstance(given, str):
        return f"the text {_shown(given)}"
    return "a list" if isinstance(given, list | tuple) else "a section with keys"


def _shown(given: Any) -> str:
    return f'"{printable(given, 60)}"' if isinstance(given, str) else printable(str(given), 60)


def reaches(model: type[BaseModel], path: KeyPath, wanted: type[BaseModel]) -> bool:
    """Whether the path, as the model reads it, leads to a section of that type or into one."""
    current: Any = model
    for part in path:
        current = section_of(_step(current, part))
        if current is wanted:
            return True
        if current is None:
            return False
    return False


def fields_at(model: type[BaseModel], path: KeyPath) -> tuple[str, ...]:
    """The keys that the model knows at a path; empty where any key may stand."""
    current: Any = model
    for part in path:
        current = section_of(_step(current, part))
        if current is None:
            return ()
    return tuple(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else ()


def _step(current: Any, part: str | int) -> Any:
    if isinstance(current, type) and issubclass(current, BaseModel):
        field = current.model_fields.get(str(part))
        return field.annotation if field else None
    arguments = typing.get_args(current)
    return arguments[-1 if typing.get_origin(current) is dict else 0] if arguments else None


def section_of(annotation: Any) -> Any:
    """Strip Annotated and Optional."""
    while typing.get_origin(annotation) in {typing.Annotated, typing.Union, types.UnionType}:
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        annotation = inner[0]
    return annotation
