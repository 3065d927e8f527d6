"""XML with places. Entities of a document's own are refused, so that it cannot grow while it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from orthancgen.site.problems import Mark, Problem

_DEEPEST: Final = 16
_MOST_ELEMENTS: Final = 200_000


@dataclass(slots=True)
class Element:
    """An element: its name, attributes, text, children and place."""

    name: str
    attributes: dict[str, str]
    mark: Mark
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def child(self, name: str) -> Element | None:
        """The first child of that name."""
        return next((one for one in self.children if one.name == name), None)

    def get(self, name: str) -> str:
        """An attribute, "" where it is not there."""
        return self.attributes.get(name, "")


class _RefusedError(Exception):
    """What a document may not have."""


def parse(text: str, file: str) -> tuple[Element | None, list[Problem]]:
    """Read a document.

    Returns:
        Its root element, None where there is none; as a problem why it cannot be read to its end.
    """
    reader = _Reader(file)
    try:
        reader.parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        message = expat.ErrorString(error.code) or "it cannot be read"
        return reader.root, [Problem(f"not XML: {message}", _mark(file, error.lineno, error.offset))]
    except _RefusedError as error:
        place = _mark(file, reader.parser.CurrentLineNumber, reader.parser.CurrentColumnNumber)
        return reader.root, [Problem(str(error), place)]
    return reader.root, []


class _Reader:
    def __init__(self, file: str) -> None:
        self.root: Element | None = None
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = self._entity
        self._file = file
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._count = 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= _DEEPEST or self._count > _MOST_ELEMENTS:
            raise _RefusedError("too many elements, or nested too deep: not read further")
        mark = _mark(self._file, self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber, len(name) + 1)
        element = Element(name, attributes, mark)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _characters(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def _entity(self, *_declaration: object) -> None:
        raise _RefusedError("it declares an entity of its own: not read further")


def _mark(file: str, line: int, offset: int, length: int = 1) -> Mark:
    return Mark(file, max(line, 1), offset + 1, offset + 1 + length)
