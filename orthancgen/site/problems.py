"""A problem of an environment file, with its place; and the formats in which problems are shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.text import Text

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
        return f"{self.mark.file}:{self.mark.line}:{self.mark.column}" if self.mark else ""


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
    return tuple(
        sorted(unique, key=lambda p: (p.mark.file, p.mark.line, p.mark.column) if p.mark else ("", 0, 0))
    )


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
        out.append(f"{problem.message}\n")
        if problem.mark:
            if problem.mark.file not in lines:
                lines[problem.mark.file] = sources.get(problem.mark.file, "").splitlines()
            _excerpt(out, problem.mark, lines[problem.mark.file], style)
        if problem.hint:
            out.append("  hint: ", "bold green")
            out.append(f"{problem.hint}\n")
    return out


def _excerpt(out: Text, mark: Mark, lines: Sequence[str], style: str) -> None:
    if mark.line > len(lines):
        return
    width, line = 100, lines[mark.line - 1]
    first = max(0, min(mark.column - 1, max(0, len(line) - width)) - (8 if len(line) > width else 0))
    shown = "".join(c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in line[first : first + width])
    number = str(mark.line)
    start = mark.column - 1 - first
    carets = max(1, min(mark.end_column - mark.column, len(shown) - start))
    out.append(f"  {number} | ", "dim").append(f"{shown}\n")
    out.append(f"  {' ' * len(number)} | ", "dim").append(" " * start).append("^" * carets + "\n", style)


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
    """Problems as workflow commands, which GitHub shows beside the line in a pull request.

    Escaping as GitHub's toolkit does it: https://github.com/actions/toolkit, packages/core/src/command.ts.
    """
    rows = []
    for p in problems:
        properties = {"title": p.key_path or "environment"}
        if p.mark:
            properties = {
                "file": p.mark.file,
                "line": str(p.mark.line),
                "col": str(p.mark.column),
                "endColumn": str(p.mark.end_column),
            } | properties
        listed = ",".join(f"{key}={_github_property(value)}" for key, value in properties.items())
        message = p.message + (f"\nhint: {p.hint}" if p.hint else "")
        rows.append(f"::{p.severity} {listed}::{_github_data(message)}")
    return "\n".join(rows)


def _github_data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(value: str) -> str:
    return _github_data(value).replace(":", "%3A").replace(",", "%2C")
