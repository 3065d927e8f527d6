"""Configurations of nginx as a tree of directives. Their words are told by crossplane, which is nginx's own."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

import crossplane  # type: ignore[import-untyped]
from crossplane.errors import NgxParserBaseException  # type: ignore[import-untyped]

from orthancgen.foreign.model import Directive, NginxFile
from orthancgen.foreign.places import LINE_BREAK
from orthancgen.site.problems import Mark, Problem, printable

MAXIMUM_CHARACTERS: Final = 2 * 2**20
"""Of a file with all that it includes."""
MAXIMUM_DEPTH: Final = 32
MAXIMUM_INCLUDES: Final = 500
MAXIMUM_PROBLEMS: Final = 100
_LONGEST_SEARCHED_LINE: Final = 1000


def parse_nginx(text: str, file: str, folder: Path | None = None) -> NginxFile:
    """Read a configuration.

    Args:
        text: of the file.
        file: its name, for the places.
        folder: in which the file lies. What ``include`` names inside of it is read and stands in its place, wherever
            nginx would look for it on a host; nothing outside of the folder is opened. None: nothing is.

    Returns:
        The directives as far as they can be read; an ``include`` whose files are not at hand stays as it is.
    """
    reader = _Reader(file, folder)
    return NginxFile(file, reader.read(text, file, ()), tuple(reader.problems))


@dataclass(slots=True)
class _Block:
    """A block that is being read."""

    name: str
    arguments: tuple[str, ...]
    mark: Mark
    inner: list[Directive] = field(default_factory=list)

    def whole(self) -> Directive:
        """As it is when it is closed."""
        return Directive(self.name, self.arguments, self.mark, tuple(self.inner))


class _Reader:
    """Reads a file and those that it includes, within one budget."""

    def __init__(self, file: str, folder: Path | None) -> None:
        self.problems: list[Problem] = []
        self._beside = PurePosixPath(file).parent
        self._folder = folder.resolve() if folder is not None else None
        self._characters = 0
        self._includes = 0

    def read(self, text: str, file: str, parents: tuple[Path, ...]) -> tuple[Directive, ...]:
        """The directives of a text. ``parents`` are the files that are being included already."""
        self._characters += len(text)
        if self._characters > MAXIMUM_CHARACTERS:
            message = f"with what it includes, longer than {MAXIMUM_CHARACTERS // 2**20} Mi characters"
            self._problem(message, Mark(file, 1, 1, 2))
            return ()
        lines = LINE_BREAK.split(text)
        words: list[str] = []
        place = Mark(file, 1, 1, 2)
        blocks = [_Block("", (), place)]
        try:
            for word, line, quoted in _words(text):
                sign = word if not quoted and word in {"{", "}", ";"} else ""
                if not sign:
                    if not words:
                        place = _mark(file, line, word, lines)
                    words.append(word)
                elif sign == "{":
                    if len(blocks) > MAXIMUM_DEPTH:
                        self._problem(f"nested deeper than {MAXIMUM_DEPTH} blocks: not read further", place)
                        break
                    at = place if words else _mark(file, line, sign, lines)
                    blocks.append(_Block(words[0] if words else "", tuple(words[1:]), at))
                    words = []
                else:
                    if words and sign == "}":
                        self._problem(f"{_shown(words[0])} does not end", place, "it lacks a semicolon")
                    if words:
                        blocks[-1].inner += self._directive(words, place, parents)
                    words = []
                    if sign == "}" and len(blocks) > 1:
                        closed = blocks.pop().whole()
                        blocks[-1].inner.append(closed)
            else:
                if words:
                    self._problem(f"{_shown(words[0])} does not end", place, "it lacks a semicolon, or closing quotes")
        except NgxParserBaseException as error:
            self._syntax(error, file, blocks, lines)
        while len(blocks) > 1:
            closed = blocks.pop().whole()
            blocks[-1].inner.append(closed)
        return tuple(blocks[0].inner)

    def _syntax(self, error: NgxParserBaseException, file: str, blocks: list[_Block], lines: list[str]) -> None:
        line = error.lineno if isinstance(error.lineno, int) else len(lines)
        said = str(error.strerror)
        if "end of file" in said:
            for block in blocks[1:]:
                self._problem(f"the block {_shown(block.name)} is not closed", block.mark, "it lacks }")
        elif "Lua" in said:
            self._problem("a block of Lua does not start with {: not read further", _mark(file, line, "{", lines))
        else:
            self._problem("} closes nothing here: not read further", _mark(file, line, "}", lines))

    def _directive(self, words: list[str], place: Mark, parents: tuple[Path, ...]) -> tuple[Directive, ...]:
        plain = Directive(words[0], tuple(words[1:]), place)
        if words[0] != "include" or len(words) != 2 or self._folder is None:
            return (plain,)
        followed: list[Directive] = []
        found = False
        for path in self._included(words[1], self._folder):
            if path in parents:
                self._problem("it includes itself", place)
                continue
            text = _text(path)
            self._includes += 1
            if text is None or self._includes > MAXIMUM_INCLUDES or len(parents) >= MAXIMUM_DEPTH:
                continue
            found = True
            name = self._beside / path.relative_to(self._folder).as_posix()
            followed += self.read(text, str(name), (*parents, path))
        return tuple(followed) if found else (plain,)

    def _included(self, pattern: str, folder: Path) -> Iterator[Path]:
        """The files in the folder that a pattern names, sorted; symbolic links that lead out of it left out."""
        written = PurePosixPath(pattern)
        if written.is_absolute():
            try:
                written = written.relative_to(folder.as_posix())
            except ValueError:
                return
        if ".." in written.parts or "\0" in pattern:
            return
        try:  # two stars are one for nginx, and every folder below for pathlib
            for found in sorted(folder.glob(re.sub(r"\*{2,}", "*", str(written)))):
                path = found.resolve()
                if path.is_relative_to(folder) and path.is_file() and path.stat().st_size <= MAXIMUM_CHARACTERS:
                    yield path
        except (OSError, RuntimeError, ValueError):  # what is no pattern of pathlib, a circle of links
            return

    def _problem(self, message: str, mark: Mark, hint: str | None = None) -> None:
        if len(self.problems) < MAXIMUM_PROBLEMS:
            self.problems.append(Problem(message, mark, hint=hint))


def _words(text: str) -> Iterator[tuple[str, int, bool]]:
    """The words of a text with their lines, and whether they were quoted; remarks left out.

    Raises:
        NgxParserBaseException: braces do not match, or a block of Lua does not start.
    """
    with tempfile.TemporaryDirectory(prefix="orthancgen-") as folder:
        path = Path(folder, "nginx.conf")
        path.write_bytes(text.encode("utf-8", "replace"))
        for word, line, quoted in crossplane.lex(str(path)):
            if quoted or not word.startswith("#"):
                yield word, line, quoted


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None


def _mark(file: str, line: int, word: str, lines: list[str]) -> Mark:
    """The place of a word on a line: its first mention there; the start of the line where that is not to be found."""
    content = lines[line - 1] if line <= len(lines) else ""
    column = content.find(word) + 1 if len(content) <= _LONGEST_SEARCHED_LINE else 0
    return Mark(file, line, column, column + len(word)) if column else Mark(file, line, 1, 2)


def _shown(name: str) -> str:
    return printable(name, 40) or "without a name"
