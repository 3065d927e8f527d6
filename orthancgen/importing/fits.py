"""What the model takes: its own types, bounds and defaults, asked of the model itself."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from orthancgen.site.explain import message_and_hint
from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath

_BARE: Final = {"environment": "bare", "kind": "development", "orthanc": {"aet": "BARE"}}


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def why_not(kind: Any, value: object) -> str | None:
    """Why a type of the model refuses a value; None where it takes it.

    Args:
        kind: one of `orthancgen.site.types`, such as ``AETitle``.
        value: what is to be written.
    """
    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        return message_and_hint(error.errors(include_url=False)[0], Site)[0]
    return None


@cache
def _bare() -> Site:
    return Site.model_validate(_BARE)


def default(path: KeyPath) -> Any:
    """What the model takes where nothing is said, such as of ``("dicom", "port")``."""
    value: Any = _bare()
    for part in path:
        value = getattr(value, str(part))
    return value


def bounds(path: KeyPath) -> tuple[int, int]:
    """The smallest and the largest whole number that the model takes at a path."""
    section: Any = _bare()
    for part in path[:-1]:
        section = getattr(section, str(part))
    field = type(section).model_fields[str(path[-1])]
    said: dict[str, int] = {}
    for one in field.metadata:
        said |= {end: value for end in ("ge", "le") if isinstance(value := getattr(one, end, None), int)}
    return said.get("ge", 0), said.get("le", 2**31 - 1)
