"""The fields of a modality as options of a command line name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orthancgen.errors import InputError
from orthancgen.modalities.change import FIELDS
from orthancgen.modalities.values import VENDORS, read_field, wrong_fields
from orthancgen.site.problems import Problem, printable


def fields_of(name: str, options: Mapping[str, Any], *, complete: bool) -> dict[str, Any]:
    """The fields that options name.

    Raises:
        InputError: something of it is none; carries every problem.
    """
    fields: dict[str, Any] = {}
    problems: list[Problem] = []
    for key in FIELDS:
        given = options.get(key)
        if given is None:
            continue
        value, wrong = read_field(key, given) if isinstance(given, str) else (given, None)
        if wrong is not None and wrong.severity == "warning":
            given_text = printable(str(given), 60)
            problems.append(Problem(f'"{given_text}" is none of: {", ".join(VENDORS)}', path=("modalities", name, key)))
        elif wrong is not None:
            problems.append(Problem(wrong.message, None, ("modalities", name, key), wrong.hint))
        else:
            fields[key] = value
    for wrong in wrong_fields(name, fields, complete=complete):
        path = ("modalities", name) if wrong.field == "name" else ("modalities", name, wrong.field)
        if not any(problem.path == path for problem in problems):
            problems.append(Problem(wrong.message, None, path, wrong.hint))
    if problems:
        count = len(problems)
        raise InputError(
            f"{count} {'value is' if count == 1 else 'values are'} wrong; nothing was written", problems=tuple(problems)
        )
    return fields
