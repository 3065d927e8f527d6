"""The tokens of a Lua script: names, keywords, literals and signs, without comments. Lua 5.1 to 5.4, all at once.

https://www.lua.org/manual/5.4/manual.html#3.1; what only 5.1 takes is told as a warning, for Orthanc's images have 5.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from orthancgen.foreign.places import Places
from orthancgen.site.problems import Problem

KEYWORDS: Final = frozenset(
    [
        "and",
        "break",
        "do",
        "else",
        "elseif",
        "end",
        "false",
        "for",
        "function",
        "goto",
        "if",
        "in",
        "local",
        "nil",
        "not",
        "or",
        "repeat",
        "return",
        "then",
        "true",
        "until",
        "while",
    ]
)
Kind = Literal["name", "keyword", "string", "number", "sign", "end"]
MAXIMUM_PROBLEMS: Final = 100

_SKIPPED: Final = re.compile(r"[ \t\r\n\f\v]+")
_LONG: Final = re.compile(r"\[(=*)\[")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER: Final = re.compile(
    r"0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][+-]?[0-9]+)?"
    r"|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
)
_SIGN: Final = re.compile(r"\.\.\.|\.\.|==|~=|<=|>=|//|::|<<|>>|[-+*/%^#&~|<>=(){}\[\];:,.]")
_FOREIGN: Final = re.compile(r"[^\sA-Za-z0-9_\"'\[\]{}()<>=~:;,.+*/%^#&|-]+")
_WORD: Final = re.compile(r"[A-Za-z0-9_]+")
_PLAIN: Final = {'"': re.compile(r'[^"\\\n\r]*'), "'": re.compile(r"[^'\\\n\r]*")}
_SIMPLE: Final = {
    "a": b"\a", "b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "v": b"\v", "\\": b"\\", '"': b'"',
    "'": b"'", "\n": b"\n", "\r": b"\n",
}  # fmt: skip
_ESCAPES: Final = re.compile(
    r"\\(?:(?P<hexadecimal>x[0-9a-fA-F]{2})|(?P<decimal>[0-9]{1,3})|u\{(?P<unicode>[0-9a-fA-F]+)\}|(?P<skip>z\s*)"
    r"|(?P<line>\r\n|\n\r)|(?P<simple>[\s\S]))"
)


class Token(NamedTuple):
    """A token: its text, or the value of a literal, and its span. A tuple, for there may be a million of them."""

    kind: Kind
    text: str
    start: int
    end: int
    number: float | None = None

    def is_(self, text: str) -> bool:
        """Whether it is that keyword or sign."""
        return self.text == text and self.kind in {"keyword", "sign"}


class Lexer:
    """Reads a script once, from the start to the end.

    Attributes:
        places: of the script.
        problems: what is wrong, at most `MAXIMUM_PROBLEMS`.
    """

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self.places = Places(text, file)

    def tokens(self) -> Iterator[Token]:
        """Every token, and one of the kind `end`."""
        text, position = self.text, 0
        if text.startswith("#"):
            position = _end_of_line(text, 0)
        while position < len(text):
            if skipped := _SKIPPED.match(text, position):
                position = skipped.end()
            elif text.startswith("--", position):
                position = self._comment(position)
            elif text[position] in "\"'":
                value, end = self._string(position)
                yield Token("string", value, position, end)
                position = end
            elif text[position] == "[" and (opened := _LONG.match(text, position)):
                value, end = self._long(opened, "string")
                yield Token("string", value, position, end)
                position = end
            else:
                token, position = self._plain(position)
                if token is not None:
                    yield token
        yield Token("end", "", len(text), len(text))

    def _plain(self, position: int) -> tuple[Token | None, int]:
        text = self.text
        if found := _NAME.match(text, position):
            kind: Kind = "keyword" if found[0] in KEYWORDS else "name"
            return Token(kind, found[0], position, found.end()), found.end()
        if found := _NUMBER.match(text, position):
            end = found.end()
            if rest := _WORD.match(text, end):
                self._problem("a number goes on with letters", position, rest.end())
                end = rest.end()
            return Token("number", found[0], position, end, _value(found[0])), end
        if found := _SIGN.match(text, position):
            return Token("sign", found[0], position, found.end()), found.end()
        strange = _FOREIGN.match(text, position)
        end = strange.end() if strange else position + 1
        self._problem("a character that Lua does not know here", position, min(end, position + 1))
        return None, end

    def _comment(self, position: int) -> int:
        opened = _LONG.match(self.text, position + 2)
        if opened is None:
            return _end_of_line(self.text, position)
        return self._long(opened, "comment", position)[1]

    def _long(self, opened: re.Match[str], what: str, position: int | None = None) -> tuple[str, int]:
        start = opened.end()
        closing = f"]{opened[1]}]"
        end = self.text.find(closing, start)
        if end < 0:
            at = opened.start() if position is None else position
            self._problem(f"a {what} in long brackets does not end", at, opened.end(), f"close it with {closing[:40]}")
            return "", len(self.text)
        value = self.text[start:end].replace("\r\n", "\n").replace("\r", "\n")
        return value.removeprefix("\n"), end + len(closing)

    def _string(self, position: int) -> tuple[str, int]:
        """A string in quotes: its value, and where it ends. What does not end is taken up to the end of the line."""
        text, quote = self.text, self.text[position]
        plain, value = _PLAIN[quote], bytearray()
        at = position + 1
        while True:
            found = plain.match(text, at)
            end = found.end() if found else at
            value += text[at:end].encode("utf-8", "surrogatepass")
            at = end
            escape = _ESCAPES.match(text, at) if text.startswith("\\", at) else None
            if escape is not None:
                value += self._escaped(escape)
                at = escape.end()
                continue
            if text.startswith(quote, at):
                at += 1
            else:
                self._problem("a string does not end on its line", position, at, f"close it with {quote}")
            return value.decode("utf-8", "replace"), at

    def _escaped(self, escape: re.Match[str]) -> bytes:
        if escape["hexadecimal"]:
            return bytes([int(escape["hexadecimal"][1:], 16)])
        if escape["decimal"]:
            code = int(escape["decimal"])
            if code > 255:
                self._problem("a decimal escape beyond \\255", escape.start(), escape.end())
            return bytes([code & 0xFF])
        if escape["unicode"]:
            digits = escape["unicode"].lstrip("0")
            code = int(digits or "0", 16) if len(digits) <= 8 else 1 << 31
            if code >= 1 << 31:
                self._problem("a \\u escape beyond 7FFFFFFF", escape.start(), escape.end())
            return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10FFFF else b"\xef\xbf\xbd"
        if escape["skip"]:
            return b""
        if escape["line"]:
            return b"\n"
        simple = _SIMPLE.get(escape["simple"])
        if simple is None:
            self._problem("Lua 5.2 and later do not know this escape", escape.start(), escape.end(), severity="warning")
            return escape["simple"].encode("utf-8", "surrogatepass")
        return simple

    def _problem(
        self,
        message: str,
        start: int,
        end: int,
        hint: str | None = None,
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        if len(self.problems) < MAXIMUM_PROBLEMS:
            self.problems.append(Problem(message, self.places.mark(start, end), hint=hint, severity=severity))


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _value(text: str) -> float | None:
    try:
        return float.fromhex(text) if text[:2] in {"0x", "0X"} else float(text)
    except (ValueError, OverflowError):
        return None
