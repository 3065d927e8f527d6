"""JSON as the image orthancteam/orthanc reads it: with Python's reader, after it has taken out the comments.

Source: ``removeCppCommentsFromJson`` of docker/orthanc/helpers.py, https://github.com/orthanc-server/orthanc-builder.
"""

from __future__ import annotations

import json
import re

_SPECIAL = re.compile(r"[\"']|//[^\n]*+|/\*")
_QUOTED = {'"': re.compile(r'"(?:\\.|[^\\"])*+"', re.DOTALL), "'": re.compile(r"'(?:\\.|[^\\'])*+'", re.DOTALL)}


def without_comments(text: str) -> str:
    """The text as the image reads it: comments are gone; here blanks stand for them, so that lines stay."""
    pieces: list[str] = []
    at = done = 0
    while (found := _SPECIAL.search(text, at)) is not None:
        start, at = found.span()
        if found[0] in _QUOTED:
            quoted = _QUOTED[found[0]].match(text, start)
            if quoted is None:
                break  # it is no JSON whatever follows
            at = quoted.end()
            continue
        if found[0] == "/*":
            at = text.find("*/", at) + 2
            if at < 2:
                break
        pieces += [text[done:start], re.sub(r"[^\n]", " ", text[start:at])]
        done = at
    pieces.append(text[done:])
    return "".join(pieces)


def strict_problem(text: str) -> str | None:
    """What Python's reader, which the image uses, refuses in a text; None where it takes it."""
    try:
        json.loads(without_comments(text))
    except RecursionError:
        return "it nests too deep"
    except json.JSONDecodeError as error:
        return f"{error.msg} on line {error.lineno}"
    except ValueError:
        return "a number has too many digits"
    return None
