"""One encoder a syntax. Each returns marked text, or refuses what the syntax cannot carry; it never mends a value."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from orthancgen.errors import RenderError
from orthancgen.site.problems import printable


def json_document(value: Any) -> str:
    r"""A JSON document in ASCII, with ``$`` as ``\u0024``.

    Orthanc replaces ``${NAME}`` in its configuration by environment variables, and the orthancteam image runs envsubst
    over it; neither sees the escape, and every JSON parser gives the ``$`` back.

    Raises:
        RenderError: the value holds NaN, an infinity or half a surrogate pair.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)
        if "\\ud" in text:  # a surrogate: one of a pair, or half of one
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, UnicodeEncodeError) as error:
        raise RenderError(f"JSON cannot carry a value: {printable(str(error))}") from None
    return text.replace("$", "\\u0024") + "\n"


def ini(value: object) -> Markup:
    """A value of supervisor's configuration: ``%`` doubled; no control characters, quotes, semicolons or backslashes.

    http://supervisord.org/configuration.html: ``%`` starts an expansion, `` ;`` a comment.

    Raises:
        RenderError: the value has such a character.
    """
    text = str(value)
    if not text.isprintable() or any(character in "\"';\\" for character in text):
        raise RenderError(f"supervisor's configuration cannot carry {printable(text)!r}")
    return Markup(text.replace("%", "%%"))  # noqa: S704  this is the encoder


FILTERS = {"ini": ini}
