"""A problem of an environment file, with its place; and the formats in which problems are shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.text import Text

HIDDEN = "\ue000"
"""Stands for one character of a value that must not be shown (a private-use character, in no file that we accept)."""
_HIDDEN_SHOWN = "[hidden]"
_LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # https://yaml.org/spec/1.1/#b-char

_SURROUNDINGS = 4096
"""How far around a place a line is looked at, in characters."""

KeyPath = tuple[str | int, ...]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A span in a source file; line and columns count from 1, ``end_column`` is behind the last character."""

    file: str
    line: int
    column: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what to do about it."""

    message: str
    mark: Mark | None = None
    path: KeyPath = ()
    hint: str | None = None
    severity: Severity = "error"

    @property
    def key_path(self) -> str:
        """The path of the key as people write it: ``modalities.ct1.may[0]``."""
        return format_path(self.path)

    @property
    def place(self) -> str:
        """``file:line:column``, or an empty text where the problem belongs to no file."""
        return f"{printable(self.mark.file, 4096)}:{self.mark.line}:{self.mark.column}" if self.mark else ""


def format_path(path: KeyPath) -> str:
    """``("modalities", "ct1", "may", 0)`` as ``modalities.ct1.may[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{printable(part)}" if text else printable(part)
    return text


def printable(text: str, limit: int = 120) -> str:
    """The text on one line with every invisible character escaped, so that hostile input cannot move the cursor."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """In the order of the files: by file, line, column; each problem once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.mark.file, p.mark.line, p.mark.column) if p.mark else ("", 0, 0)))


def as_text(problems: Sequence[Problem], sources: Mapping[str, str]) -> Text:
    """Problems as modern compilers show them: place, key path, message, excerpt with a caret, hint.

    Args:
        problems: what was found.
        sources: text of each file by its name, for the excerpts.
    """
    lines: dict[str, list[str]] = {}
    out = Text()
    for problem in problems:
        style = "bold red" if problem.severity == "error" else "bold yellow"
        if problem.mark:
            out.append(f"{problem.place}: ", "bold")
        if problem.path:
            out.append(f"{problem.key_path}: ", "cyan")
        out.append(f"{problem.severity}: ", style)
        out.append(f"{printable(problem.message, 4096)}\n")
        if problem.mark:
            if problem.mark.file not in lines:
                lines[problem.mark.file] = source_lines(sources.get(problem.mark.file, ""))
            append_excerpt(out, excerpt(problem.mark, lines[problem.mark.file]), style)
        if problem.hint:
            out.append("  hint: ", "bold green")
            out.append(f"{printable(problem.hint, 4096)}\n")
    return out


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A line of a file as it is shown: secrets hidden, every character printable, cut to a width around the place.

    Attributes:
        number: of the line, from 1.
        text: the line, or the part of it that fits.
        start: where the place begins in `text`, from 0.
        length: of the place in `text`, at least 1.
    """

    number: int
    text: str
    start: int
    length: int


def source_lines(text: str) -> list[str]:
    """The lines of a file, for `excerpt`."""
    return _LINE_BREAK.split(text)


def excerpt(mark: Mark, lines: Sequence[str]) -> Excerpt | None:
    """The line of a place; None where there is none, or nothing on it."""
    if not 1 <= mark.line <= len(lines):
        return None
    cut = max(0, mark.column - _SURROUNDINGS)  # a file of 10 MB may be one line, with a thousand places
    around = lines[mark.line - 1][cut : mark.column + _SURROUNDINGS]
    if not around.strip():
        return None
    line, start, end = _reveal_nothing(around, mark.column - 1 - cut, mark.end_column - 1 - cut)
    width = 100
    first = max(0, min(start - 8, len(line) - width))
    shown = "".join(
        c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line[first : first + width]
    )
    carets = max(1, min(end - start, len(shown) - (start - first)))
    return Excerpt(mark.line, shown, start - first, carets)


def show_hidden(text: str) -> str:
    """The text with each hidden run as ``[hidden]``, whatever its length."""
    return re.sub(f"{HIDDEN}+", _HIDDEN_SHOWN, text)


def _reveal_nothing(line: str, start: int, end: int) -> tuple[str, int, int]:
    """The line with each hidden run as ``[hidden]``, whatever its length, and the span moved accordingly."""
    shown = ""
    moved_start, moved_end = start, end
    for run in re.finditer(f"{HIDDEN}+|[^{HIDDEN}]+", line):
        hidden = run[0][0] == HIDDEN
        if run.start() <= start < run.end():
            moved_start = len(shown) + (0 if hidden else start - run.start())
        shown += _HIDDEN_SHOWN if hidden else run[0]
        if run.start() < end <= run.end():
            moved_end = len(shown) - (0 if hidden else run.end() - end)
    if start >= len(line):
        moved_start = len(shown)
    return shown, moved_start, max(moved_end, moved_start + 1)


def append_excerpt(out: Text, shown: Excerpt | None, style: str) -> None:
    """The line of a place with carets below it, as compilers show it."""
    if shown is None:
        return
    number = str(shown.number)
    out.append(f"  {number} | ", "dim").append(f"{shown.text}\n")
    out.append(f"  {' ' * len(number)} | ", "dim").append(" " * shown.start).append("^" * shown.length + "\n", style)


def as_json(problems: Sequence[Problem]) -> str:
    """Problems as a JSON document: ``{"problems": [...], "errors": n, "warnings": n}``."""
    rows = [
        {
            "severity": p.severity,
            "file": p.mark.file if p.mark else None,
            "line": p.mark.line if p.mark else None,
            "column": p.mark.column if p.mark else None,
            "end_column": p.mark.end_column if p.mark else None,
            "path": p.key_path,
            "message": p.message,
            "hint": p.hint,
        }
        for p in problems
    ]
    errors = sum(p.severity == "error" for p in problems)
    document = {"problems": rows, "errors": errors, "warnings": len(problems) - errors}
    return json.dumps(document, indent=2, ensure_ascii=True)


def as_github(problems: Sequence[Problem]) -> str:
    """Problems as workflow commands, which GitHub shows beside the line in a pull request."""
    return "\n".join(
        github_command(
            p.severity, p.message + (f"\nhint: {p.hint}" if p.hint else ""), p.mark, p.key_path or "environment"
        )
        for p in problems
    )


def github_command(command: str, message: str, mark: Mark | None, title: str) -> str:
    """One workflow command: error, warning or notice.

    Escaping as GitHub's toolkit does it: https://github.com/actions/toolkit, packages/core/src/command.ts.
    """
    properties = {"title": title}
    if mark is not None:
        properties = {
            "file": mark.file,
            "line": str(mark.line),
            "col": str(mark.column),
            "endColumn": str(mark.end_column),
        } | properties
    listed = ",".join(f"{key}={_github_property(value)}" for key, value in properties.items())
    return f"::{command} {listed}::{_github_data(message)}"


def _github_data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(value: str) -> str:
    return _github_data(value).replace(":", "%3A").replace(",", "%2C")
