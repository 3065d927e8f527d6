"""The commands of a shell script: their words with variables put in, as far as the script itself says what they are.

No shell: conditions are not judged (every branch counts), functions and programs are not run. Loops over words that
stand in the script are read as often as there are words. POSIX.1-2017, XCU 2 (Shell Command Language).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Final, NamedTuple

MAXIMUM_COMMANDS: Final = 50_000
_MOST_TURNS: Final = 256
"""How often a command in loops is read."""
_LONGEST_VALUE: Final = 20_000
_MOST_VARIABLES: Final = 16
"""In a word; one with more stays as it is written."""
_BUDGET: Final = 10_000_000
"""Characters put in for variables in a whole script; beyond, words stay as they are written."""
_BLANK: Final = re.compile(r"(?:[ \t\r\f\v]|\\\r?\n)+")
_PLAIN: Final = re.compile(r"[^ \t\r\n\f\v\\'\"$`;&|()<>#]+|#")
_REDIRECTION: Final = re.compile(r"[0-9]*(?:<<-|<<<|<<|<>|<&|<|>>|>&|>\||>)")
_HEREDOC: Final = re.compile(r"<<-?")
_VARIABLE: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=([\s\S]*)")
_IN_FRONT: Final = frozenset(
    ["if", "then", "elif", "else", "while", "until", "do", "!", "{", "}", "time", "sudo", "exec", "command", "nohup",
     "env", "export", "local", "readonly", "declare", "run", "doas"]
)  # fmt: skip
"""What may stand in front of the name of a program without changing what it does."""
_PARENTHESES: Final = re.compile(r"[()]")
_DOUBLE_QUOTED: Final = re.compile(r'[^"\\$`]+')


class Word(NamedTuple):
    """A word without its quotes; ``whole`` where it is a variable that may stand for several words."""

    text: str
    start: int
    end: int
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command.

    Attributes:
        words: program and arguments.
        start, end: where it stands.
        heredoc: the text that it is given by ``<<``, or None; and where that starts.
    """

    words: tuple[str, ...]
    start: int
    end: int
    heredoc: str | None = None
    heredoc_start: int = 0


def commands(text: str) -> Iterator[Command]:
    """The commands of a script in order, at most `MAXIMUM_COMMANDS`."""
    yield from islice(_Script(text).commands(), MAXIMUM_COMMANDS)


@dataclass(slots=True)
class _Heredoc:
    """A text that follows: its end, whether tabs in front are dropped."""

    end: str
    trimmed: bool


@dataclass(slots=True)
class _Simple:
    """A command that is being read."""

    words: list[Word] = field(default_factory=list)
    heredocs: list[_Heredoc] = field(default_factory=list)
    waits: str = ""


class _Script:
    def __init__(self, text: str) -> None:
        self.text = text
        self._variables: dict[str, str] = {}
        self._loops: list[tuple[str, tuple[str, ...]]] = []
        self._budget = _BUDGET

    def commands(self) -> Iterator[Command]:
        for simple, heredoc, start in self._simple():
            yield from self._expanded(simple.words, heredoc, start)

    # Words

    def _simple(self) -> Iterator[tuple[_Simple, str | None, int]]:
        """Commands as they are written, each with the text of its last heredoc and where that starts."""
        text, at, current = self.text, 0, _Simple()
        waiting: list[_Simple] = []
        while at < len(text):
            if blank := _BLANK.match(text, at):
                at = blank.end()
                continue
            character = text[at]
            if character == "#":
                at = _end_of_line(text, at)
            elif character == "\n":
                waiting.append(current)
                at, heredocs = self._heredocs(waiting, at + 1)
                for one in waiting:
                    yield one, *heredocs.get(id(one), (None, 0))
                waiting, current = [], _Simple()
            elif character in ";&|()":
                waiting.append(current)
                current = _Simple()
                at += 1
            elif redirection := _REDIRECTION.match(text, at):
                at = redirection.end()
                current.waits = redirection[0].lstrip("0123456789")
            else:
                word, at = self._word(at)
                if current.waits:
                    if _HEREDOC.fullmatch(current.waits):
                        current.heredocs.append(_Heredoc(word.text, current.waits == "<<-"))
                    current.waits = ""
                else:
                    current.words.append(word)
        for one in (*waiting, current):
            yield one, None, 0

    def _heredocs(self, waiting: Sequence[_Simple], at: int) -> tuple[int, dict[int, tuple[str, int]]]:
        found: dict[int, tuple[str, int]] = {}
        for simple in waiting:
            for heredoc in simple.heredocs:
                start = at
                while at < len(self.text):
                    line_start, at = at, min(_end_of_line(self.text, at) + 1, len(self.text))
                    line = self.text[line_start:at].rstrip("\r\n")
                    if (line.lstrip("\t") if heredoc.trimmed else line) == heredoc.end:
                        found[id(simple)] = (self.text[start:line_start], start)
                        break
                else:
                    found[id(simple)] = (self.text[start:], start)
        return at, found

    def _word(self, at: int) -> tuple[Word, int]:
        text, start = self.text, at
        parts: list[str] = []
        while at < len(text):
            character = text[at]
            if plain := _PLAIN.match(text, at):
                parts.append(plain[0])
                at = plain.end()
            elif character == "\\":
                parts.append("" if text[at + 1 : at + 2] == "\n" else text[at + 1 : at + 2])
                at += 2
            elif character == "'":
                end = text.find("'", at + 1)
                end = len(text) if end < 0 else end
                parts.append(text[at + 1 : end])
                at = end + 1
            elif character == '"':
                at = self._double_quoted(at + 1, parts)
            elif character in "$`":
                at = self._substitution(at, parts)
            elif at > start:
                break
            else:  # nothing that a command begins with: read over it, so that reading goes on
                parts.append(character)
                at += 1
        word = "".join(parts)
        whole = _VARIABLE.fullmatch(word) is not None and text[start] == "$"
        return Word(word, start, min(at, len(text)), whole), at

    def _double_quoted(self, at: int, parts: list[str]) -> int:
        text = self.text
        while at < len(text) and text[at] != '"':
            if plain := _DOUBLE_QUOTED.match(text, at):
                parts.append(plain[0])
                at = plain.end()
            elif text[at] == "\\":
                escaped = text[at + 1 : at + 2]
                parts.append("" if escaped == "\n" else escaped if escaped in '"\\$`' else "\\" + escaped)
                at += 2
            else:
                at = self._substitution(at, parts)
        return at + 1

    def _substitution(self, at: int, parts: list[str]) -> int:
        """``$(...)``, a command in backquotes or ``$name``: as it is written."""
        text = self.text
        if text[at] == "`":
            end = text.find("`", at + 1)
            end = len(text) if end < 0 else end + 1
        elif text.startswith("$(", at):
            end, depth = at + 1, 0
            for found in _PARENTHESES.finditer(text, at + 1):
                depth += 1 if found[0] == "(" else -1
                end = found.end()
                if depth == 0:
                    break
            else:
                end = len(text)
        elif text.startswith("${", at):
            end = text.find("}", at)
            end = len(text) if end < 0 else end + 1
        else:
            end = at + 1
        parts.append(text[at:end])
        return end

    # Variables and loops

    def _expanded(self, words: list[Word], heredoc: str | None, start: int) -> Iterator[Command]:
        at = 0
        while at < len(words) and words[at].text in _IN_FRONT:
            if words[at].text in {"while", "until"}:
                self._loops.append(("", ()))
            at += 1
        while at < len(words) and (assignment := _ASSIGNMENT.fullmatch(words[at].text)):
            if len(assignment[2]) <= _LONGEST_VALUE:
                self._variables[assignment[1]] = self._value(assignment[2], self._variables)
            at += 1
        while at < len(words) and words[at].text in _IN_FRONT:
            at += 1
        rest = words[at:]
        if not rest:
            return
        if rest[0].text in {"for", "select"}:
            self._loop(rest)
        elif rest[0].text == "done":
            if self._loops:
                self._loops.pop()
        elif rest[0].text not in {"case", "esac", "fi"}:
            yield from self._turns(rest, heredoc, start)

    def _loop(self, words: list[Word]) -> None:
        """``for name in word word``; a loop of another kind has no words that are known."""
        name = words[1].text if len(words) > 2 and words[2].text == "in" else ""
        values = [part for word in words[3:] for part in self._parts(word, self._variables)] if name else []
        self._loops.append((name, tuple(values[:_MOST_TURNS])))
        self._variables.pop(name, None)

    def _turns(self, words: list[Word], heredoc: str | None, start: int) -> Iterator[Command]:
        used = {name for word in words for found in _VARIABLE.finditer(word.text) for name in (found[1] or found[3],)}
        loops = [(name, values) for name, values in self._loops if name in used and values]
        for values in islice(product(*(values for _, values in loops)), _MOST_TURNS):
            variables = {**self._variables, **dict(zip((name for name, _ in loops), values, strict=True))}
            expanded = tuple(part for word in words for part in self._parts(word, variables))
            if expanded:
                yield Command(expanded, words[0].start, words[-1].end, heredoc, start)

    def _parts(self, word: Word, variables: Mapping[str, str]) -> tuple[str, ...]:
        if "$" not in word.text:
            return (word.text,)
        value = self._value(word.text, variables)
        return tuple(value.split()) if word.whole and value != word.text else (value,)

    def _value(self, text: str, variables: Mapping[str, str]) -> str:
        if not 0 < text.count("$") <= _MOST_VARIABLES or self._budget < 0:
            return text
        value = _VARIABLE.sub(lambda found: variables.get(found[1] or found[3], found[2] or found[0]), text)
        self._budget -= len(value)
        return value if len(value) <= _LONGEST_VALUE else text


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
