"""JSON with comments as Orthanc reads it, with the place of each value, and everything that is wrong told at once.

Orthanc reads its configuration by jsoncpp (``Json::CharReaderBuilder`` with its defaults), which takes more than JSON:
comments, a comma behind the last member, control characters in a text, numbers such as ``01``, anything behind the
end. What it takes is read here likewise, with a warning; what it refuses is an error, behind which reading goes on.

Sources: src/lib_json/json_reader.cpp of jsoncpp 1.9.5, and what Orthanc 1.10.1 does with each form
(tests/live/test_foreign_jsonc.py).
"""

from __future__ import annotations

import re
from contextlib import suppress
from enum import Enum, auto
from typing import Final

from orthancgen.foreign.json_scalars import BLANK, KEYWORDS, LINE_END, NOTHING, RUN, STRICT_NUMBER, GaveUpError, Scalars
from orthancgen.foreign.model import Comment, Document
from orthancgen.foreign.original import BYTE_ORDER_MARK, Original
from orthancgen.site.problems import KeyPath, Mark, Problem, printable
from orthancgen.site.tree import Node

MAXIMUM_CHARACTERS: Final = 16 * 1024 * 1024
MAXIMUM_DEPTH: Final = 64
MAXIMUM_VALUES: Final = 250_000
"""Values that are read of a file; with their places they take some 100 MB."""
MAXIMUM_COMMENTS: Final = 50_000

_KEY_FOLLOWS = re.compile(r"[ \t]*+[:=]")
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"|[\[\]{:]|[-+]?[0-9]++(?:\.[0-9]*+)?|[-+](?:\.[0-9]*+)?|true|false|null', re.DOTALL
)
_VARIABLE = re.compile(r"\$\{[^{}\"'\r\n]*+\}")


class _Expect(Enum):
    VALUE = auto()
    ELEMENT = auto()
    MEMBER = auto()
    COLON = auto()
    SEPARATOR = auto()
    END = auto()


class _Level:
    """An object or a list that is open: its node, and the key whose value is read."""

    __slots__ = ("after_comma", "commented", "key", "key_mark", "node", "opened")

    def __init__(self, node: Node, opened: int) -> None:
        self.node = node
        self.opened = opened
        self.key = ""
        self.key_mark: Mark | None = None
        self.after_comma = False
        self.commented = False

    @property
    def is_list(self) -> bool:
        return isinstance(self.node.value, list)


def parse(text: str, file: str) -> Document:
    """Read a configuration of Orthanc.

    Args:
        text: the file.
        file: its name, for the places.

    Returns:
        The document, with a partial tree where there were errors; nothing is raised, whatever the text is.
    """
    return read(text, text, Original(text, file))


def read(text: str, original: str, places: Original) -> Document:
    """As `parse`, of a text in which variables were replaced: the places are those of the original file."""
    if len(text) > MAXIMUM_CHARACTERS:
        message = f"the file is larger than {MAXIMUM_CHARACTERS // 2**20} MiB"
        return Document(places.file, None, (Problem(message, places.mark(0)),), (), original)
    return _Reader(text, places).document(original)


class _Reader(Scalars):
    def __init__(self, text: str, places: Original) -> None:
        super().__init__(text, places)
        self.expect = _Expect.VALUE
        self.stack: list[_Level] = []
        self.root: Node | None = None
        self.values = 0
        self.duplicates: list[tuple[KeyPath, Mark]] = []
        self.comments: list[tuple[str, Mark]] = []
        self.paths: list[KeyPath] = []  # of the comments
        self.pending: list[int] = []  # comments that wait for the value that they stand before
        self.last: KeyPath | None = None  # the value before, while still on its line
        self.last_end = 0

    def document(self, original: str) -> Document:
        with suppress(GaveUpError):
            self._run()
        for index in self.pending:
            self.paths[index] = ()
        comments = tuple(
            Comment(text, mark, path) for (text, mark), path in zip(self.comments, self.paths, strict=True)
        )
        return Document(self.places.file, self.root, tuple(self.problems), comments, original, tuple(self.duplicates))

    # --- the order of things

    def _run(self) -> None:
        if self.text.startswith(BYTE_ORDER_MARK):
            self.at = 1
            self.warn("a byte order mark: Orthanc reads over it, other programs do not", 0, 1, "save without it")
        steps = {
            _Expect.VALUE: self._value,
            _Expect.ELEMENT: self._element,
            _Expect.MEMBER: self._member,
            _Expect.COLON: self._colon,
            _Expect.SEPARATOR: self._separator,
        }
        while True:
            self._skip()
            if self.at >= len(self.text):
                break
            if self.expect is _Expect.END:
                self._behind_the_end()
                return
            steps[self.expect](self.text[self.at])
        if self.stack:
            opened = self.places.mark(self.stack[-1].opened).line
            sign = "[" if self.stack[-1].is_list else "{"
            hint = f"{len(self.stack)} closing brackets are missing" if len(self.stack) > 1 else None
            end = max(self.last_end - 1, 0)
            self.error(f"the file ends before the {sign} of line {opened} is closed", end, None, hint)
        elif self.root is None and not self.errors:
            self.error("the file is empty: Orthanc does not start on it", 0, None, "write {} for a file without keys")

    def _behind_the_end(self) -> None:
        what = "one closing bracket too many: " if self.text[self.at] in "]}" else ""
        self.warn(f"{what}Orthanc ignores what stands behind the end", self.at, None, "remove it, or move it inside")

    def _skip(self) -> None:
        """Go over blanks and comments."""
        text = self.text
        while self.at < len(text):
            blank = BLANK.match(text, self.at)
            if blank is not None:
                if LINE_END.search(text, self.at, blank.end()):
                    self.last = None
                self.at = blank.end()
            start = self.at
            if text.startswith("//", start):
                end = LINE_END.search(text, start)
                self.at = end.start() if end else len(text)
                self._comment(text[start + 2 : self.at], start, self.at)
            elif text.startswith("/*", start):
                end_at = text.find("*/", start + 2)
                if end_at < 0:
                    self.error("the comment is not closed", start, start + 2, "close it by */")
                    self.at = len(text)
                    return
                self.at = end_at + 2
                self._comment(text[start + 2 : end_at], start, self.at)
                if LINE_END.search(text, start, self.at):
                    self.last = None
            elif text.startswith("#", start) and self.expect is not _Expect.END:
                end = LINE_END.search(text, start)
                self.at = end.start() if end else len(text)
                self.error("# begins no comment in JSON", start, start + 1, "begin it by //")
                self._comment(text[start + 1 : self.at], start, self.at)
            else:
                return

    def _comment(self, text: str, start: int, end: int) -> None:
        if len(self.comments) >= MAXIMUM_COMMENTS:
            return
        lines = [line.strip().lstrip("*").strip() for line in LINE_END.split(text)]
        self.comments.append(("\n".join(lines).strip(), self.places.mark(start, end)))
        self.paths.append(())
        if self.expect is _Expect.COLON:
            self.error("Orthanc reads no comment between a key and its colon", start, end, "move it before the key")
        if self.stack:
            self.stack[-1].commented = True
        if self.expect in (_Expect.VALUE, _Expect.COLON):
            self.paths[-1] = tuple(self.path)
        elif self.last is not None:
            self.paths[-1] = self.last
        elif self.expect is not _Expect.END:
            self.pending.append(len(self.paths) - 1)

    def _settle_comments(self) -> None:
        """What waited belongs to the current path."""
        if self.pending:
            path = tuple(self.path)
            for index in self.pending:
                self.paths[index] = path
            self.pending.clear()

    # --- values

    def _element(self, sign: str) -> None:
        level = self.stack[-1]
        if sign == "]":
            if level.commented and (level.after_comma or not level.node.value):
                hint = "move it behind a value, or out of the list"
                self.error("Orthanc reads no comment in front of this ]", self.at, None, hint)
            self._trailing_comma(level)
            self._close(sign)
            return
        if sign == "}":
            self._close(sign)
            return
        self.path.append(len(level.node.value))
        self._settle_comments()
        self._value(sign)

    def _value(self, sign: str) -> None:
        start = self.at
        if sign in "{[":
            self._open(sign)
        elif sign == '"':
            self._scalar(self.string(), start)
        elif sign in "-+0123456789":
            self._scalar(self.number(), start)
        elif sign == "'":
            self._scalar(self.single_quoted(), start)
        elif sign == "$" and (variable := _VARIABLE.match(self.text, start)) is not None:
            self.at = variable.end()  # what is not known may be a number, a list, anything
            self._scalar(None, start)
        elif sign in ",]}:;=":
            self.error("a value is missing here", start, None, 'write null, "" or the value')
            self.at += sign in ":="
            self._dropped()
        else:
            self._scalar(self.word(), start)

    def _scalar(self, value: object, start: int) -> None:
        if value is not NOTHING:
            self._attach(Node(value, self.places.mark(start, self.at)))
            self._ended()
        elif self.stack:
            self._ended()

    def _attach(self, node: Node) -> None:
        self.values += 1
        if self.values > MAXIMUM_VALUES:
            self.error(f"more than {MAXIMUM_VALUES} values: the rest is not read", self.at, None, None)
            raise GaveUpError
        if not self.stack:
            self.root = node
            if not isinstance(node.value, dict):
                self.error_at("a configuration of Orthanc is an object", node.mark, "put it into { }")
            return
        level = self.stack[-1]
        if level.is_list:
            level.node.value.append(node)
            return
        node.key_mark = level.key_mark
        members: dict[str, Node] = level.node.value
        first = members.pop(level.key, None)
        if first is not None and node.key_mark is not None:
            self._twice(level.key, first, node.key_mark)
        members[level.key] = node

    def _twice(self, key: str, first: Node, mark: Mark) -> None:
        path = tuple(self.path)
        self.duplicates.append((path, mark))
        line = (first.key_mark or first.mark).line
        message = f"the key {printable(key)} stands twice, first on line {line}: Orthanc takes the last one"
        self.warn_at(message, mark, path, "remove one of them")

    def _ended(self) -> None:
        """A value is read, or left out."""
        self.last = tuple(self.path)
        self.last_end = self.at
        if self.stack:
            self.path.pop()
        self.expect = _Expect.SEPARATOR if self.stack else _Expect.END
        if self.stack:
            self.stack[-1].after_comma = self.stack[-1].commented = False

    def _dropped(self) -> None:
        """There is no value to read: what comes is looked at again."""
        if self.stack:
            self._ended()
        else:
            self.at += 1

    def _open(self, sign: str) -> None:
        if len(self.stack) >= MAXIMUM_DEPTH:
            self.error(f"nested deeper than {MAXIMUM_DEPTH} levels: the rest is not read", self.at, None, None)
            raise GaveUpError
        self._settle_comments()
        value: dict[str, Node] | list[Node] = {} if sign == "{" else []
        node = Node(value, self.places.mark(self.at))
        self._attach(node)
        self.stack.append(_Level(node, self.at))
        self.at += 1
        self.last = tuple(self.path)
        self.last_end = self.at
        self.expect = _Expect.MEMBER if sign == "{" else _Expect.ELEMENT

    def _close(self, sign: str) -> None:
        """A closing bracket: of what is open last, or of something around it."""
        is_list = sign == "]"
        if not any(level.is_list == is_list for level in self.stack):
            opening = "{" if is_list else "["
            line = self.places.mark(self.stack[-1].opened).line
            self.error(f"this {sign} closes nothing: open is the {opening} of line {line}", self.at, None, None)
            self.at += 1
            return
        self._settle_comments()
        while self.stack[-1].is_list != is_list:
            level = self.stack.pop()
            line = self.places.mark(level.opened).line
            opening, closing = ("[", "]") if level.is_list else ("{", "}")
            self.error(f"the {opening} of line {line} is not closed", self.at, None, f"write {closing} before this")
            self.path.pop()
        self.at += 1
        self.stack.pop()
        self._ended()

    def _trailing_comma(self, level: _Level) -> None:
        if level.after_comma:
            comma = self.last_end
            self.warn("a comma behind the last one: Orthanc reads over it, JSON does not allow it", comma, None, None)

    # --- members

    def _member(self, sign: str) -> None:
        level = self.stack[-1]
        start = self.at
        if sign in "}]":
            self._trailing_comma(level)
            self._close(sign)
            return
        if sign == '"':
            key = self.string()
        elif sign == "'":
            key = self.single_quoted()
        elif (run := RUN.match(self.text, start)) is not None and _KEY_FOLLOWS.match(self.text, run.end()):
            key = run[0]
            self.at = run.end()
            self.error("a key stands in double quotes", start, self.at, 'write "..."')
        else:
            self._unexpected(run.end() if run else start + 1, "a key in double quotes is missing here")
            return
        level.key = key
        level.key_mark = self.places.mark(start, self.at)
        self.path.append(key)
        self._settle_comments()
        self.expect = _Expect.COLON

    def _colon(self, sign: str) -> None:
        if sign in ":=":
            if sign == "=":
                self.error("a colon stands between key and value", self.at, None, "write :")
            self.at += 1
        else:
            self.error("a colon is missing behind the key", self.at, None, "write : before the value")
        self.expect = _Expect.VALUE

    def _separator(self, sign: str) -> None:
        level = self.stack[-1]
        next_one = _Expect.ELEMENT if level.is_list else _Expect.MEMBER
        if sign not in ",}" and self._stands_for_comma(level):
            return
        if sign in ",;":
            if sign == ";":
                self.error("a comma stands between values", self.at, None, "write ,")
            self.last_end = self.at
            self.at += 1
            level.after_comma, level.commented = True, False
            self.expect = next_one
        elif sign in "}]":
            self._close(sign)
        else:
            run = RUN.match(self.text, self.at)
            if sign in "\"'" or (sign in "{[" and level.is_list) or self._begins(run, level):
                self.error("a comma is missing here", self.last_end, None, "write , behind the value")
                self.expect = next_one
            else:
                self._unexpected(run.end() if run else self.at + 1, "this belongs to no value")

    def _stands_for_comma(self, level: _Level) -> bool:
        """Behind a comment in an object, jsoncpp takes any token for the comma: it looks for a } alone."""
        token = _TOKEN.match(self.text, self.at) if level.commented and not level.is_list else None
        if token is None or (token[0][0] == '"' and _KEY_FOLLOWS.match(self.text, token.end())):
            return False
        self.warn("Orthanc reads over this, where a comma belongs", self.at, token.end(), "write a comma instead")
        self.last_end, self.at = token.start(), token.end()
        level.after_comma, level.commented = True, False
        self.expect = _Expect.MEMBER
        return True

    def _begins(self, run: re.Match[str] | None, level: _Level) -> bool:
        """Whether a word is the next value of a list, or the next key of an object."""
        if run is None:
            return False
        if level.is_list:
            return run[0] in KEYWORDS or STRICT_NUMBER.fullmatch(run[0]) is not None
        return _KEY_FOLLOWS.match(self.text, run.end()) is not None

    def _unexpected(self, end: int, message: str) -> None:
        if self.text[self.at] == ",":
            self.error("a comma too many", self.at, None, "remove it")
        else:
            self.error(message, self.at, end, None)
        self.at = end
