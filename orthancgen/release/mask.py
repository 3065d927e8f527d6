"""Hide what may be a secret in rendered and live documents, which should hold none: a second line of defence."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from orthancgen.site.masking import mask_lines, mask_logins, may_be_secret
from orthancgen.site.problems import HIDDEN, KeyPath, printable

SHOWN: Final = "[hidden]"
_PLACE = re.compile(r"(\$\{[A-Z_]+(:-[\w./-]*)?\}|/run|/etc/orthancgen|\.\.?(/\.\.)*)(/[A-Za-z][\w.-]*)+")
"""A path below one of these folders says where a secret lies, not what it is."""
_HIDDEN_RUN = re.compile(f"{HIDDEN}+")
_LONGEST: Final = 100_000


def hide(value: Any, path: KeyPath = ()) -> Any:
    """A JSON value with each scalar hidden that may be a secret by its key path."""
    if isinstance(value, Mapping):
        return {str(key): hide(inner, (*path, str(key))) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [hide(inner, (*path, index)) for index, inner in enumerate(value)]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and _PLACE.fullmatch(value):
        return value
    if may_be_secret(path, str(value)):
        return SHOWN
    return _HIDDEN_RUN.sub(SHOWN, mask_logins(value)) if isinstance(value, str) else value


def show(value: Any, path: KeyPath = ()) -> str:
    """A JSON value on one line, without secrets and without characters that could move the cursor."""
    return printable(json.dumps(hide(value, path), ensure_ascii=False, default=str), _LONGEST)


def show_lines(text: str) -> list[str]:
    """The lines of a text that is no JSON or YAML, as above."""
    hidden = _HIDDEN_RUN.sub(SHOWN, mask_lines(text))
    return [printable(line, _LONGEST) for line in hidden.split("\n")]
