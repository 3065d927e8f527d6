"""Variables in a compose file, and files of variables, as Compose reads them.

Sources: https://docs.docker.com/reference/compose-file/interpolation/ and
https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/ (names, operators, ``.env``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAXIMUM_DEPTH: Final = 8
MAXIMUM_LENGTH: Final = 1024 * 1024

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*+")
_OPERATOR = re.compile(r":?[-?+]")
_LINE = re.compile(r"\s*+(?:export\s++)?([A-Za-z_][A-Za-z0-9_.-]*+)[ \t]*+(?:([=:])(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A text with its variables put in.

    Attributes:
        text: a variable whose value is not known stays as it is written.
        known: whether every variable had a value or a default.
        used: whether there was any variable.
    """

    text: str
    known: bool = True
    used: bool = False


def interpolate(text: str, variables: Mapping[str, str]) -> Interpolated:
    """Put in variables as Compose does: ``$NAME``, ``${NAME}``, ``${NAME:-default}``, ``$$`` for a dollar sign."""
    if "$" not in text:
        return Interpolated(text)
    return _Reader(text, variables).read()


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self.text = text
        self.variables = variables
        self.known = True
        self.used = False

    def read(self) -> Interpolated:
        value, _ = self._until(0, "", 0)
        return Interpolated(value[:MAXIMUM_LENGTH], self.known, self.used)

    def _until(self, at: int, close: str, depth: int) -> tuple[str, int]:
        """The text up to a closing brace, or the end; and where that is."""
        pieces: list[str] = []
        length = 0
        while at < len(self.text):
            sign = self.text[at]
            if close and sign == close:
                break
            if sign != "$":
                stop = self._plain_end(at, close)
                piece, at = self.text[at:stop], stop
            else:
                piece, at = self._variable(at, depth)
            pieces.append(piece)
            length += len(piece)
            if length > MAXIMUM_LENGTH:
                return "".join(pieces), len(self.text)
        return "".join(pieces), at

    def _plain_end(self, at: int, close: str) -> int:
        dollar = self.text.find("$", at)
        brace = self.text.find(close, at, dollar if dollar >= 0 else len(self.text)) if close else -1
        ends = [end for end in (dollar, brace) if end >= 0]
        return min(ends) if ends else len(self.text)

    def _variable(self, at: int, depth: int) -> tuple[str, int]:
        text = self.text
        if text.startswith("$$", at):
            return "$", at + 2
        if not text.startswith("${", at):
            name = _NAME.match(text, at + 1)
            if name is None:
                return "$", at + 1
            return self._value(name[0], text[at : name.end()]), name.end()
        name = _NAME.match(text, at + 2)
        if name is None or depth >= MAXIMUM_DEPTH:
            return "$", at + 1
        end = name.end()
        if text.startswith("}", end):
            return self._value(name[0], text[at : end + 1]), end + 1
        operator = _OPERATOR.match(text, end)
        if operator is None:
            return "$", at + 1
        known = self.known
        word, close = self._until(operator.end(), "}", depth + 1)
        inner_known = self.known
        self.known, self.used = known, True
        value = self.variables.get(name[0])
        present = value is not None and (value != "" or ":" not in operator[0])
        written = text[at : close + 1]
        if operator[0].endswith("-"):
            if present:
                return value or "", close + 1
            self.known = known and inner_known
            return word, close + 1
        if operator[0].endswith("?"):
            self.known = known and present
            return (value or "") if present else written, close + 1
        return word if present else "", close + 1

    def _value(self, name: str, written: str) -> str:
        self.used = True
        value = self.variables.get(name)
        if value is None:
            self.known = False
            return written
        return value


def read_variables_file(text: str) -> dict[str, tuple[str | None, int]]:
    """The variables of an ``.env`` or ``env_file``: name -> value and line, from 1; None for a name without a value.

    Quotes around a value are taken off; behind an unquoted one, `` #`` begins a remark.
    """
    variables: dict[str, tuple[str | None, int]] = {}
    lines = text.removeprefix("\ufeff").split("\n")
    number = 0
    while number < len(lines):
        line = lines[number].rstrip("\r")
        first = number + 1
        number += 1
        found = _LINE.fullmatch(line) if not line.lstrip().startswith("#") else None
        if found is None:
            continue
        if found[2] is None:
            variables[found[1]] = (None, first)
            continue
        value = found[3].strip()
        quote = value[:1]
        if quote in ("'", '"') and value:
            while value.find(quote, 1) < 0 and number < len(lines) and number - first < 200:
                value += "\n" + lines[number].rstrip("\r")
                number += 1
            value = _unquoted(value, quote)
        else:
            value = re.split(r"\s#", value, maxsplit=1)[0].rstrip()
        variables[found[1]] = (value, first)
    return variables


def _unquoted(value: str, quote: str) -> str:
    pieces: list[str] = []
    at = 1
    while at < len(value) and value[at] != quote:
        if value[at] == "\\" and at + 1 < len(value):
            escaped = value[at + 1]
            if quote == "'":
                pieces.append(escaped if escaped == "'" else "\\" + escaped)
            else:
                pieces.append({"n": "\n", "r": "\r", "t": "\t"}.get(escaped, escaped))
            at += 2
        else:
            pieces.append(value[at])
            at += 1
    return "".join(pieces)
