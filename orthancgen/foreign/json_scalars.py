"""The scalars of JSON as jsoncpp reads them: texts, numbers, words; and the errors that are told on the way."""

from __future__ import annotations

import math
import re
from typing import Final

from orthancgen.foreign.original import Original
from orthancgen.site.problems import KeyPath, Mark, Problem

MAXIMUM_ERRORS: Final = 50

BLANK = re.compile(r"[ \t\r\n]++")
LINE_END = re.compile(r"[\r\n]")
_PLAIN = re.compile(r'[^"\\]*+')
RUN = re.compile(r"""[^ \t\r\n"',:;\[\]{}#/]++""")
_SINGLE_QUOTED = re.compile(r"'(?:[^'\\\r\n]|\\.)*+'?")
# readNumber() takes these characters; whether they are a number is decided after that.
_NUMBER = re.compile(r"[-+0-9][0-9]*+(?:\.[0-9]*+)?+(?:[eE][-+]?+[0-9]*+)?+")
STRICT_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?")
_INTEGER = re.compile(r"-?[0-9]*+")
_LONGEST_NUMBER = 1000
_CONTROL = re.compile("[\0-\x1f]")
_HALF = re.compile("[\ud800-\udfff]")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES = {'"': '"', "/": "/", "\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
KEYWORDS = {"true": True, "false": False, "null": None}
_NEARLY = {
    "true": "true", "false": "false", "null": "null", "none": "null", "nil": "null", "undefined": "null",
    "yes": "true", "no": "false", "on": "true", "off": "false",
}  # fmt: skip
"""Words that people write for a value, in lower case, and what JSON has."""
_NO_NUMBERS = frozenset({"nan", "infinity", "inf", "-infinity", "-inf", "+infinity", "+inf"})

NOTHING: Final = object()
"""There is no value."""


class GaveUpError(Exception):
    """Reading ends here; what was read so far stays."""


class Scalars:
    """A text, the place in it that is looked at, the key path there, and what was wrong so far.

    Args:
        text: what is read.
        places: of the file that it comes from.
    """

    def __init__(self, text: str, places: Original) -> None:
        self.text = text
        self.places = places
        self.at = 0
        self.path: list[str | int] = []
        self.problems: list[Problem] = []
        self.errors = 0

    def string(self) -> str:
        """The text in double quotes at the current place."""
        text, start = self.text, self.at
        pieces: list[str] = []
        at = start + 1
        while True:
            plain = _PLAIN.match(text, at)
            end = plain.end() if plain else at
            pieces.append(text[at:end])
            if end >= len(text):
                return self._unterminated(start)
            if text[end] == '"':
                self.at = end + 1
                break
            at = self._escape(end, pieces)
        if LINE_END.search(text, start, self.at) and not self._fits():
            return self._unterminated(start)
        control = _CONTROL.search(text, start, self.at)
        if control is not None:
            message = "a control character in a text: Orthanc takes it as it is, JSON does not allow it"
            self.warn(message, control.start(), None, "write \\n, \\t or \\u00.. for it")
        return self._whole("".join(pieces), start)

    def _whole(self, value: str, start: int) -> str:
        if _HALF.search(value):
            self.warn("half of a surrogate pair is no character", start, self.at, "write both halves, or the character")
            return _HALF.sub("\N{REPLACEMENT CHARACTER}", value)
        return value

    def _fits(self) -> bool:
        """Whether something stands behind a text of several lines that may: else its closing quote was forgotten."""
        blank = BLANK.match(self.text, self.at)
        at = blank.end() if blank else self.at
        return at >= len(self.text) or self.text[at] in ",:}]/"

    def _unterminated(self, start: int) -> str:
        end = LINE_END.search(self.text, start)
        self.at = end.start() if end else len(self.text)
        self.error("the text is not closed", start, self.at, 'write " at its end')
        value = self.text[start + 1 : self.at].rstrip()
        if value.endswith(","):
            value = value[:-1]
            self.at = start + 1 + len(value)
        return self._whole(value.removesuffix('"'), start)

    def _escape(self, at: int, pieces: list[str]) -> int:
        """Read the escape at a backslash; the offset behind it."""
        sign = self.text[at + 1 : at + 2]
        if sign in _ESCAPES:
            pieces.append(_ESCAPES[sign])
            return at + 2
        if sign != "u":
            self.error("a backslash stands for itself only as \\\\", at, at + 2, "write \\\\ for a backslash")
            return at + 1 if sign in ("", '"') else at + 2
        if not _HEXADECIMAL.match(self.text, at + 2):
            self.error("four hexadecimal digits follow \\u", at, at + 2, None)
            return at + 2
        code = int(self.text[at + 2 : at + 6], 16)
        if not 0xD800 <= code <= 0xDBFF:
            pieces.append(chr(code))
            return at + 6
        if self.text[at + 6 : at + 8] == "\\u" and _HEXADECIMAL.match(self.text, at + 8):
            # jsoncpp does not look whether the second is the other half.
            second = int(self.text[at + 8 : at + 12], 16)
            pieces.append(chr(0x10000 + ((code & 0x3FF) << 10) + (second & 0x3FF)))
            return at + 12
        self.error("the second half of a surrogate pair is missing", at, at + 6, None)
        pieces.append("\N{REPLACEMENT CHARACTER}")
        return at + 6

    def single_quoted(self) -> str:
        """The text in single quotes at the current place, which is an error."""
        start = self.at
        found = _SINGLE_QUOTED.match(self.text, start)
        self.at = found.end() if found else start + 1
        self.error("a text stands in double quotes", start, self.at, 'write "..."')
        return self._whole(self.text[start + 1 : self.at].removesuffix("'"), start)

    def number(self) -> object:
        """The number at the current place, or `NOTHING`."""
        start = self.at
        found = _NUMBER.match(self.text, start)
        written = found[0] if found else ""
        self.at = start + len(written)
        run = RUN.match(self.text, start)
        if run is not None and run.end() > self.at:
            self.at = start
            return self.word()
        value = _decode_number(written)
        if value is None:
            self.error("this is no number", start, self.at, "or put it into quotes, if it is a text")
            return NOTHING
        if not STRICT_NUMBER.fullmatch(written):
            hint = "write it as 10, -10, 1.5 or 1e5 are written, or put it into quotes if it is a text"
            self.warn("JSON has no such number, but Orthanc takes it", start, self.at, hint)
        return value

    def word(self) -> object:
        """A keyword, or what something that is none may have meant, or `NOTHING`."""
        start = self.at
        run = RUN.match(self.text, start)
        self.at = run.end() if run else start + 1
        word = run[0] if run else ""
        if word in KEYWORDS:
            return KEYWORDS[word]
        lower = word.lower() if len(word) < 20 else ""
        if lower in _NEARLY:
            meant = _NEARLY[lower]
            self.error("this is no value of JSON", start, self.at, f"write {meant}")
            return KEYWORDS[meant]
        hint = "JSON has no such number" if lower in _NO_NUMBERS else 'write "..." if it is a text'
        self.error("this is no value of JSON", start, self.at, hint)
        return NOTHING

    def error(self, message: str, start: int, end: int | None, hint: str | None) -> None:
        """Tell an error; `GaveUpError` where there are too many."""
        self.error_at(message, self.places.mark(start, end), hint)

    def error_at(self, message: str, mark: Mark, hint: str | None) -> None:
        """As `error`, at a place that is known."""
        self.problems.append(Problem(message, mark, tuple(self.path), hint))
        self.errors += 1
        if self.errors >= MAXIMUM_ERRORS:
            self.problems.append(Problem("there are more errors: the rest is not read", mark, (), "mend these first"))
            raise GaveUpError

    def warn(self, message: str, start: int, end: int | None, hint: str | None) -> None:
        """Tell a warning, unless there are too many."""
        self.warn_at(message, self.places.mark(start, end), tuple(self.path), hint)

    def warn_at(self, message: str, mark: Mark, path: KeyPath, hint: str | None) -> None:
        """As `warn`, at a place that is known."""
        if len(self.problems) - self.errors < MAXIMUM_ERRORS:
            self.problems.append(Problem(message, mark, path, hint, "warning"))


def _decode_number(written: str) -> int | float | None:
    """What jsoncpp makes of the characters of a number (``decodeNumber``); None where it refuses them."""
    if len(written) > _LONGEST_NUMBER:
        return None
    if _INTEGER.fullmatch(written):
        whole = int(written) if written != "-" else 0
        return whole if -(2**63) <= whole < 2**64 else float(whole)
    try:
        value = float(written)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
