"""An HTML page as a reader takes it apart: its elements, which must close in order, and its texts."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
"""Elements without an end: https://html.spec.whatwg.org/multipage/syntax.html#void-elements."""


class Page(HTMLParser):
    """What stands in a page: every element with its attributes, and every text apart from its style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], self._open

    @property
    def text(self) -> str:
        """All texts as one."""
        return "".join(self.texts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that ends itself, as in SVG."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """An element ends: the one that began last."""
        began = self._open.pop()
        assert began == tag, (began, tag)

    def handle_data(self, data: str) -> None:
        """Text."""
        if self._open and self._open[-1] == "style":
            self.style += data
        else:
            self.texts.append(data)
