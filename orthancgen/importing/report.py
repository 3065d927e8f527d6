"""What became of an import, as tables for people and as a JSON document. No secret is in either."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.text import Text

from orthancgen.importing.difference import Difference
from orthancgen.importing.notes import ATTENTION, Note, Outcome
from orthancgen.importing.result import Result
from orthancgen.site.problems import HIDDEN, Mark, Problem, format_path, printable

_MOST: Final = 200
_LONGEST: Final = 60


def summary(result: Result) -> Iterator[Text]:
    """How many keys became what."""
    counts = Counter(note.outcome for note in result.imported.notes)
    for outcome in Outcome:
        if counts[outcome]:
            yield Text(f"  {counts[outcome]:>4}  {outcome.value}", style="yellow" if outcome in ATTENTION else "")


def every_key(result: Result) -> Iterator[Text]:
    """A line a key: what became of it."""
    for note in result.imported.notes:
        yield _line(note)


def to_look_at(result: Result) -> Iterator[Text]:
    """What was not carried over, each with its place and what to do."""
    yield from _listed([note for note in result.imported.notes if note.counts])


def changed(result: Result) -> Iterator[Text]:
    """What the environment says in another way than before, because the model has it so."""
    yield from _listed([note for note in result.imported.notes if note.outcome is Outcome.CHANGED])


def _listed(found: Sequence[Note]) -> Iterator[Text]:
    for note in found[:_MOST]:
        yield _line(note)
        if note.hint:
            yield Text.assemble("    ", ("hint: ", "bold green"), printable(note.hint, 400))
    if len(found) > _MOST:
        yield Text(f"  and {len(found) - _MOST} more: --json lists them")


def to_change(result: Result) -> Iterator[Text]:
    """Passwords that went along, and that everybody knows."""
    for note in result.imported.notes:
        if note.outcome is Outcome.SECRET and note.hint:
            yield Text.assemble(
                "  ", (printable(format_path(note.path), 200), "cyan"), f": {printable(note.hint, 300)}"
            )


def _line(note: Note) -> Text:
    place = _place(note.mark)
    style = "bold yellow" if note.counts else "dim"
    to = f" -> {printable(format_path(note.to), 200)}" if note.to else ""
    message = f": {printable(note.message, 400)}" if note.message else ""
    key = printable(format_path(note.path), 200) or "(all of it)"
    return Text.assemble(
        "  ", (f"{place}: " if place else "", "bold"), (key, "cyan"), " ", (note.outcome.value, style), to, message
    )


def _place(mark: Mark | None) -> str:
    return f"{printable(mark.file, 4096)}:{mark.line}:{mark.column}" if mark else ""


def differing(result: Result) -> Iterator[Text]:
    """A line a difference: the key, what held, what holds, and why."""
    for one in result.differences[:_MOST]:
        why = one.why or "no reason is known: please look at it"
        yield Text.assemble(
            "  ", (printable(format_path(one.path), 200), "cyan"), f": {shown(one.original)} -> {shown(one.ours)} ",
            (f"({printable(why, 300)})", "dim" if one.why else "bold red"),
        )  # fmt: skip
    if len(result.differences) > _MOST:
        yield Text(f"  and {len(result.differences) - _MOST} more: --json lists them")


def shown(value: object) -> str:
    """A value on one line, not long; nothing of a secret."""
    if value == HIDDEN:
        return "[hidden]"
    if value is None:
        return "nothing"
    return printable(json.dumps(value, ensure_ascii=False, default=str), _LONGEST)


def refused(problems: Sequence[Problem]) -> Iterator[Text]:
    """What production would refuse."""
    for problem in problems[:_MOST]:
        hint = f" ({printable(problem.hint, 300)})" if problem.hint else ""
        yield Text.assemble("  ", (problem.key_path, "cyan"), f": {printable(problem.message, 400)}{hint}")


def document(result: Result, *, name: str, file: str | None) -> dict[str, Any]:
    """The import as a JSON document; ``file`` is where it was written, None for nowhere."""
    return {
        "environment": name,
        "file": file,
        "complete": result.complete,
        "orthanc": str(result.imported.version),
        "secrets": sorted(result.imported.secrets),
        "notes": [_note(note) for note in result.imported.notes],
        "differences": [_difference(one) for one in result.differences],
        "problems": [_problem(problem) for problem in result.problems],
        "refused_in_production": [_problem(problem) for problem in result.refused],
        "text": result.text,
    }


def _note(note: Note) -> dict[str, Any]:
    mark = note.mark
    return {
        "path": list(note.path),
        "outcome": note.outcome.name.lower(),
        "message": note.message,
        "file": mark.file if mark else None,
        "line": mark.line if mark else None,
        "column": mark.column if mark else None,
        "to": None if note.to is None else list(note.to),
        "hint": note.hint,
        "counts": note.counts,
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "path": list(one.path),
        "original": "[hidden]" if one.original == HIDDEN else one.original,
        "ours": "[hidden]" if one.ours == HIDDEN else one.ours,
        "why": one.why,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "severity": problem.severity, "path": problem.key_path, "message": problem.message, "hint": problem.hint,
    }  # fmt: skip
