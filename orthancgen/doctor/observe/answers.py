"""The JSON of an answer of Orthanc or the backend, or in words why there is none."""

from __future__ import annotations

from typing import Any

import httpx


def object_of(answer: httpx.Response | str) -> dict[str, Any] | str:
    """The JSON object of a good answer, or what is wrong."""
    document = _document(answer)
    return document if isinstance(document, (dict, str)) else "no JSON object"


def list_of(answer: httpx.Response | str) -> list[Any] | str:
    """The JSON list of a good answer, or what is wrong; an answer of another kind has nothing in it."""
    document = _document(answer)
    return document if isinstance(document, (list, str)) else []


def object_or_none(answer: httpx.Response | str) -> dict[str, Any] | None:
    """The JSON object of a good answer, where it does not matter what is wrong."""
    found = object_of(answer)
    return None if isinstance(found, str) else found


def _document(answer: httpx.Response | str) -> Any:
    """The document, or a text that says why there is none; a document that is a text is none that is asked for."""
    if isinstance(answer, str):
        return answer
    if answer.status_code != httpx.codes.OK:
        return f"HTTP {answer.status_code}"
    try:
        document = answer.json()
    except ValueError:
        return "no JSON"
    return None if isinstance(document, str) else document
