"""Variables in a configuration: as Orthanc puts them in, and as the image orthancteam/orthanc does before it.

Both work on the text of the file before it is read as JSON, so a value may as well be a number or a piece of JSON.

Sources: ``Toolbox::SubstituteVariables`` of OrthancFramework/Sources/Toolbox.cpp, and what Orthanc 1.10.1 does
(tests/live/test_foreign_jsonc.py); envsubst 0.1.5, which the image runs
(docker/orthanc/generateConfiguration.py of https://github.com/orthanc-server/orthanc-builder).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

MAXIMUM_CHARACTERS: Final = 16 * 1024 * 1024
MAXIMUM_VARIABLES: Final = 100_000

_SIMPLE = re.compile(r"(?<!\\)\$([A-Za-z0-9_]++)")
_NAME = re.compile(r"[A-Za-z0-9_]++")

Found = Literal["known", "default", "unknown", "nameless"]
"""Where a value came from: the environment, the default beside it, nowhere; `nameless` stops Orthanc."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that was put in: its name, and its span in the original text."""

    name: str
    found: Found
    start: int
    end: int
    braces: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of the old text and what stands there now."""

    start: int
    end: int
    text: str
    variable: Variable


class TooLargeError(Exception):
    """There are more than `MAXIMUM_VARIABLES`, or with them the text would be larger than `MAXIMUM_CHARACTERS`."""


class Substituted:
    """A text with its variables put in, and the way back to the original."""

    def __init__(self, text: str, pieces: list[Piece]) -> None:
        parts: list[str] = []
        self._new: list[int] = []  # where each piece begins and ends in the new text
        self._old: list[int] = []
        at = length = 0
        for piece in pieces:
            parts += [text[at : piece.start], piece.text]
            length += piece.start - at
            self._new += [length, length + len(piece.text)]
            self._old += [piece.start, piece.end]
            length += len(piece.text)
            at = piece.end
            if length > MAXIMUM_CHARACTERS:
                raise TooLargeError
        parts.append(text[at:])
        self.text = "".join(parts)
        self.variables = tuple(piece.variable for piece in pieces)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text from which a span of the new one comes."""
        return self._back(start, last=False), self._back(end, last=True)

    def _back(self, offset: int, *, last: bool) -> int:
        index = (bisect_right(self._new, offset - 1) if last else bisect_right(self._new, offset)) - 1
        if index < 0:
            return offset
        if index % 2 == 0:  # inside of a piece
            return self._old[index + 1] if last else self._old[index]
        return self._old[index] + offset - self._new[index]


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables of a program, as far as they are known.

    Attributes:
        values: the value of each; None where there is one, and it is not known.
        complete: whether there are no others.
    """

    values: Mapping[str, str | None]
    complete: bool = True

    def is_open(self, name: str) -> bool:
        """Whether a variable may have a value that is not known."""
        return self.values[name] is None if name in self.values else not self.complete


def as_orthanc(text: str, environment: Environment) -> Substituted:
    """Put in variables as Orthanc does: ``${NAME}``, ``${NAME:-default}``.

    One that is not set gives nothing; one whose value is not known stays as it is written.

    Raises:
        TooLargeError: the result is too large.
    """
    return Substituted(text, list(_limited(_orthanc_pieces(text, environment))))


def as_envsubst(text: str, environment: Environment) -> tuple[Substituted, Substituted]:
    """Put in variables as envsubst does: first each ``$NAME``, then in what that gave each ``${NAME}``.

    One that is not set gives nothing; one whose value is not known stays as it is written, if it has braces.

    Raises:
        TooLargeError: the result is too large.
    """
    first = Substituted(text, list(_limited(_simple_pieces(text, environment.values))))
    return first, Substituted(first.text, list(_limited(_extended_pieces(first.text, environment))))


def _limited(pieces: Iterator[Piece]) -> Iterator[Piece]:
    length = 0
    for number, piece in enumerate(pieces):
        length += len(piece.text)
        if length > MAXIMUM_CHARACTERS or number >= MAXIMUM_VARIABLES:
            raise TooLargeError
        yield piece


class _Next:
    """The next place of one of some characters behind an offset; asked with rising offsets, it takes linear time."""

    def __init__(self, text: str, signs: str) -> None:
        self._text = text
        self._pattern = re.compile(f"[{re.escape(signs)}]")
        self._found = -1

    def at(self, offset: int) -> int:
        """The place, or the length of the text."""
        if self._found < offset:
            match = self._pattern.search(self._text, offset)
            self._found = match.start() if match else len(self._text)
        return self._found


def _orthanc_pieces(text: str, environment: Environment) -> Iterator[Piece]:
    # ${NAME}, ${NAME:-plain}, ${NAME:-"..."}: no colon or } in a name, no quote or } in a plain default.
    stop, plain = _Next(text, ":}"), _Next(text, "'\"}")
    quotes = {'"': _Next(text, '"'), "'": _Next(text, "'")}
    at = text.find("${")
    while at >= 0:
        name_end = stop.at(at + 2)
        end, default = 0, None
        if name_end >= len(text):
            return
        if text[name_end] == "}":
            end = name_end + 1
        elif text.startswith(":-", name_end):
            first = text[name_end + 2 : name_end + 3]
            if first in quotes:
                close = quotes[first].at(name_end + 3)
                if text.startswith("}", close + 1):
                    end, default = close + 2, text[name_end + 3 : close]
            else:
                close = plain.at(name_end + 2)
                if close < len(text) and text[close] == "}":
                    end, default = close + 1, text[name_end + 2 : close]
        if end:
            name = text[at + 2 : name_end]
            value = environment.values.get(name)
            found: Found = "known" if value is not None else "default" if default is not None else "unknown"
            found = found if name else "nameless"
            put = value if value is not None else default
            if put is None:
                put = text[at:end] if environment.is_open(name) else ""
            yield Piece(at, end, put, Variable(name, found, at, end))
        at = text.find("${", end or at + 2)


def _resolve(name: str, environment: Mapping[str, str | None]) -> str | None:
    if name.isdecimal():  # an argument of the program that runs envsubst: its own name, and none behind that
        return "generateConfiguration.py" if int(name[:9]) == 0 and len(name) < 10 else None
    return environment.get(name)


def _simple_pieces(text: str, environment: Mapping[str, str | None]) -> Iterator[Piece]:
    for match in _SIMPLE.finditer(text):
        value = _resolve(match[1], environment)
        found: Found = "unknown" if value is None else "known"
        variable = Variable(match[1], found, match.start(), match.end(), braces=False)
        yield Piece(match.start(), match.end(), value or "", variable)


def _extended_pieces(text: str, environment: Environment) -> Iterator[Piece]:
    close = _Next(text, "}")
    at = text.find("${")
    while at >= 0:
        end = close.at(at + 2)
        if end >= len(text):
            return
        name = _NAME.match(text, at + 2)
        piece = None
        if name is not None and not (at and text[at - 1] == "\\"):
            piece = _extended_piece(text, at, name, end, environment)
        if piece is not None:
            yield piece
        at = text.find("${", piece.end if piece else at + 2)


def _extended_piece(text: str, at: int, name: re.Match[str], end: int, environment: Environment) -> Piece | None:
    behind = name.end()
    dash = 2 if text.startswith(":-", behind) else 1 if text.startswith("-", behind) else 0
    if not (behind == end or (dash and behind + dash < end)):
        return None
    value = _resolve(name[0], environment.values)
    if not dash or value or (dash == 1 and value is not None):
        found: Found = "known" if value is not None else "unknown"
        put = text[at : end + 1] if value is None and environment.is_open(name[0]) else value or ""
        return Piece(at, end + 1, put, Variable(name[0], found, at, end + 1))
    default = _SIMPLE.sub(lambda found: _resolve(found[1], environment.values) or "", text[behind + dash : end])
    return Piece(at, end + 1, default, Variable(name[0], "default", at, end + 1))


def composed(*steps: Substituted) -> Callable[[int, int], tuple[int, int]]:
    """The way back through several substitutions; the last one made comes last."""

    def origin(start: int, end: int) -> tuple[int, int]:
        for step in reversed(steps):
            start, end = step.origin(start, end)
        return start, end

    return origin
