"""Calls in a script of PowerShell, with the values that the script itself gives: texts, lists, hash tables, splatting.

No shell: conditions are not judged, functions are not run. about_Splatting, about_Hash_Tables, about_Quoting_Rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

MAXIMUM_CALLS: Final = 20_000
_DEEPEST: Final = 24
_MOST_VALUES: Final = 20_000
_BUDGET: Final = 2_000_000
"""Values that are put together in a whole script; what comes behind is not known."""
_QUOTES: Final = "'\u2018\u2019\u201a\u201b"
_DOUBLE: Final = '"\u201c\u201d\u201e'
_TOKEN: Final = re.compile(
    rf"(?P<blank>(?:[ \t\r\f\v]|`\r?\n)+)|(?P<remark>#[^\n]*)|(?P<here>@(?P<sign>['\"])[ \t]*\r?\n)"
    rf"|(?P<single>[{_QUOTES}])|(?P<double>[{_DOUBLE}])"
    r"|\$(?:\{(?P<braced>[^}\n]{0,200})\}|(?P<variable>(?:[A-Za-z]+:)?[A-Za-z_][A-Za-z0-9_]*|_))"
    r"|@(?P<splat>[A-Za-z_][A-Za-z0-9_]*)|(?P<punctuation>@[{(]|[{}()\[\],;|&=+\n])"
    rf"|(?P<word>(?:[^\s{{}}()\[\],;|&=+#@$`{_QUOTES}{_DOUBLE}]|(?<=\S)[@#])+)|(?P<other>[\s\S])"
)
_DOUBLED: Final = {quote: re.compile(rf"[^{quotes}]*") for quotes in (_QUOTES, _DOUBLE) for quote in quotes}


class Token(NamedTuple):
    """A token: what it is, its text without quotes, its span."""

    kind: str
    text: str
    start: int
    end: int

    def sign(self, text: str) -> bool:
        """Whether it is that sign."""
        return self.kind == "punctuation" and self.text == text


@dataclass(frozen=True, slots=True)
class Table:
    """A hash table, its keys in lower case; where it stands."""

    entries: Mapping[str, Value]
    start: int
    end: int


Value = str | list["Value"] | Table


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a command: its parameters by name, in lower case; the words without a name; where it stands."""

    command: str
    parameters: Mapping[str, tuple[str, ...]]
    words: tuple[str, ...]
    start: int
    end: int


def calls(text: str, commands: frozenset[str]) -> Iterator[Call]:
    """The calls of some commands (in lower case), in order; of one with a splatted list, one for each of its tables."""
    script = _Script(list(_tokens(text)), commands)
    for number, call in enumerate(script.calls()):
        if number >= MAXIMUM_CALLS:
            return
        yield call


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if text.startswith("<#", at):
            end = text.find("#>", at)
            at = len(text) if end < 0 else end + 2
            continue
        found = _TOKEN.match(text, at)
        if found is None:
            return
        kind, end = found.lastgroup or "other", found.end()
        if kind == "here" or found["here"]:
            closing = text.find(f"\n{found['sign']}@", found.end() - 1)
            end = len(text) if closing < 0 else closing + 3
            yield Token("string", text[found.end() : max(closing, found.end())] if closing >= 0 else "", at, end)
        elif kind in {"single", "double"}:
            value, end = _quoted(text, at)
            yield Token("string", value, at, end)
        elif kind in {"variable", "braced"}:
            yield Token("variable", (found["variable"] or found["braced"] or "").lower(), at, end)
        elif kind in {"splat", "punctuation", "word"}:
            yield Token(kind, found[kind], at, end)
        at = end


def _quoted(text: str, at: int) -> tuple[str, int]:
    """A string in quotes, whose own kind is doubled in it; in double quotes a backtick escapes."""
    quotes = _QUOTES if text[at] in _QUOTES else _DOUBLE
    plain, parts, end = _DOUBLED[text[at]], [], at + 1
    while end < len(text):
        found = plain.match(text, end)
        end = found.end() if found else end
        parts.append(text[end - len(found[0]) : end] if found else "")
        if text[end + 1 : end + 2] and text[end + 1] in quotes:
            parts.append(text[end])
            end += 2
        else:
            break
    value = "".join(parts)
    return (re.sub(r"`(.)", r"\1", value) if quotes == _DOUBLE else value), min(end + 1, len(text))


class _Script:
    def __init__(self, tokens: list[Token], commands: frozenset[str]) -> None:
        self._tokens = tokens
        self._commands = commands
        self._variables: dict[str, Value] = {}
        self._budget = _BUDGET

    def calls(self) -> Iterator[Call]:
        at = 0
        while at < len(self._tokens):
            token = self._tokens[at]
            if token.kind == "word" and token.text.lower() in self._commands:
                end = self._end_of_call(at + 1)
                yield from self._call(at, end)
                at = end
            elif token.kind == "word" and token.text.lower() == "foreach" and self._sign(at + 1, "("):
                at = self._loop(at + 2)
            elif token.kind == "variable" and (self._sign(at + 1, "=") or self._sign(at + 2, "=")):
                at = self._assigned(token.text, at)
            elif token.kind == "variable" and self._sign(at + 1, "|"):
                self._piped(self._variables.get(token.text), at + 2)
                at += 1
            elif token.sign("@(") or token.sign("@{"):
                value, end = self._value(at, 0)
                if self._sign(end, "|"):
                    self._piped(value, end + 1)
                at = max(end, at + 1)
            else:
                at += 1

    # Statements

    def _assigned(self, name: str, at: int) -> int:
        added = self._sign(at + 1, "+")
        if not self._sign(at + 1, "=") and not added:
            return at + 1
        start = at + 3 if added else at + 2
        if start < len(self._tokens) and self._tokens[start].kind == "word" and self._is_command(start):
            return start
        value, end = self._list(start, 0)
        parts = [self._variables.get(name, [])] if added else []
        parts.append(value)
        while self._sign(end, "+") and end + 1 < len(self._tokens):
            value, behind = self._list(end + 1, 0)
            parts.append(value)
            end = max(behind, end + 1)
        self._variables[name] = parts[0] if len(parts) == 1 else self._joined(parts)
        return max(end, start)

    def _is_command(self, at: int) -> bool:
        return self._tokens[at].text.lower() in self._commands

    def _loop(self, at: int) -> int:
        """``foreach ($x in ...)``: the variable stands for all of the values at once."""
        name = self._tokens[at].text if at < len(self._tokens) else ""
        self._variables[name], end = self._group(at + 2, 0)
        return end

    def _piped(self, value: Value | None, at: int) -> None:
        """``$x | ForEach-Object { ... $_ ... }``."""
        if at < len(self._tokens) and self._tokens[at].text.lower() in {"foreach-object", "foreach", "%"}:
            self._variables["_"] = value if value is not None else "$_"

    def _call(self, at: int, end: int) -> Iterator[Call]:
        start, last = self._tokens[at].start, self._tokens[end - 1].end
        parameters: dict[str, tuple[str, ...]] = {}
        words: list[str] = []
        tables: list[Table] = []
        command, name = self._tokens[at].text.lower(), ""
        at += 1
        while at < end:
            token = self._tokens[at]
            if token.kind == "word" and token.text.startswith("-") and not token.text[1:2].isdigit():
                name, _, value = token.text[1:].lower().partition(":")
                parameters[name] = (value,) if value else ()
                at += 1
            elif token.kind == "splat":
                tables += _tables(self._variables.get(token.text.lower(), []))
                at += 1
            else:
                given, behind = self._list(at, 0)
                if name:
                    parameters[name] = (*parameters[name], *_texts(self._joined([given])))
                else:
                    words += _texts(self._joined([given]))
                name = ""
                at = max(behind, at + 1)
        if not tables:
            yield Call(command, parameters, tuple(words), start, last)
        for table in tables:
            own = {key: tuple(_texts(value)) for key, value in table.entries.items()}
            yield Call(command, {**parameters, **own}, tuple(words), table.start, table.end)

    def _end_of_call(self, at: int) -> int:
        depth = 0
        while at < len(self._tokens):
            token = self._tokens[at]
            if token.kind == "punctuation":
                if token.text in {"(", "@(", "@{", "{", "["}:
                    depth += 1
                elif token.text in {")", "}", "]"}:
                    depth -= 1
                if depth < 0 or (depth == 0 and token.text in {"\n", ";", "|"}):
                    break
            at += 1
        return at

    # Values

    def _list(self, at: int, depth: int) -> tuple[Value, int]:
        """A value, or several between commas."""
        value, end = self._value(at, depth)
        if not self._sign(end, ","):
            return value, end
        values = [value]
        while self._sign(end, ",") and end + 1 < len(self._tokens):
            at = end + 1
            while self._sign(at, "\n"):
                at += 1
            value, end = self._value(at, depth)
            values.append(value)
            end = max(end, at)
        return self._joined(values), end

    def _value(self, at: int, depth: int) -> tuple[Value, int]:
        while self._sign(at, "["):  # a cast
            while at < len(self._tokens) and not self._tokens[at].sign("]"):
                at += 1
            at += 1
        if at >= len(self._tokens) or depth > _DEEPEST:
            return [], at
        token = self._tokens[at]
        if token.sign("@{"):
            return self._table(at, depth)
        if token.sign("@(") or token.sign("("):
            return self._group(at + 1, depth)
        if token.kind == "variable":
            value, end = self._variables.get(token.text, f"${token.text}"), at + 1
            if end < len(self._tokens) and self._tokens[end].start == self._tokens[at].end:
                property_name = self._tokens[end].text
                if self._tokens[end].kind == "word" and property_name.startswith("."):
                    return self._property(value, property_name[1:].lower()), end + 1
            return value, end
        if token.kind in {"string", "word"}:
            return token.text, at + 1
        return [], at

    def _group(self, at: int, depth: int) -> tuple[Value, int]:
        values: list[Value] = []
        while at < len(self._tokens) and not self._tokens[at].sign(")"):
            value, end = self._value(at, depth + 1)
            values.append(value)
            at = max(end, at + 1)
        return self._joined(values), at + 1

    def _table(self, at: int, depth: int) -> tuple[Value, int]:
        start, entries = self._tokens[at].start, {}
        at += 1
        while at < len(self._tokens) and not self._tokens[at].sign("}"):
            if self._sign(at + 1, "=") and self._tokens[at].kind in {"word", "string"}:
                name = self._tokens[at].text.lower()
                value, end = self._list(at + 2, depth + 1)
                entries[name] = value
                at = max(end, at + 2)
            else:
                at += 1
        end = self._tokens[min(at, len(self._tokens) - 1)].end
        return Table(entries, start, end), at + 1

    def _property(self, value: Value, name: str) -> Value:
        found = [table.entries[name] for table in _tables(self._joined([value])) if name in table.entries]
        return self._joined(found) if found else f"$.{name}"

    def _joined(self, values: Sequence[Value]) -> list[Value]:
        """The values of several lists in one, as long as there is a budget for that."""
        out: list[Value] = []
        for value in values:
            flat = value if isinstance(value, list) else [value]
            if len(flat) > self._budget or len(out) + len(flat) > _MOST_VALUES:
                break
            self._budget -= len(flat)
            out += flat
        return out

    def _sign(self, at: int, text: str) -> bool:
        return at < len(self._tokens) and self._tokens[at].sign(text)


def _flat(value: Value) -> list[Value]:
    return list(value) if isinstance(value, list) else [value]


def _tables(value: Value) -> list[Table]:
    return [one for one in _flat(value) if isinstance(one, Table)]


def _texts(value: Value) -> Sequence[str]:
    return [one for one in _flat(value) if isinstance(one, str)]
