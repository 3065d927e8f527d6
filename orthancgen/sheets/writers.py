"""One row a format: how sheets, card, index and network notes become files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from orthancgen.sheets import html, markdown, pdf
from orthancgen.sheets.catalogue import Catalogue
from orthancgen.sheets.document import Document
from orthancgen.sheets.pages import card_page, index_page, network_page, sheet_page
from orthancgen.sheets.sheet import Card, Sheet, SheetSet


@dataclass(frozen=True, slots=True)
class Writer:
    """A format. The same input gives the same bytes.

    Attributes:
        extension: of its files, without the dot.
        write: a page as bytes; raises RenderError where the format cannot carry a value, or cannot be made here.
    """

    extension: str
    write: Callable[[Document], bytes]

    def sheet(self, sheet: Sheet, words: Catalogue) -> bytes:
        """One sheet."""
        return self.write(sheet_page(sheet, words))

    def card(self, card: Card, words: Catalogue) -> bytes:
        """The quick reference card, one side of A5."""
        return self.write(card_page(card, words))

    def index(self, every: SheetSet, files: Mapping[str, str], words: Catalogue) -> bytes:
        """The page that lists the sheets; `files` names the file of each by its id, of ``card`` and ``network``."""
        return self.write(index_page(every, files, words))

    def network(self, every: SheetSet, words: Catalogue) -> bytes:
        """The network notes."""
        return self.write(network_page(every, words))


WRITERS: Final[Mapping[str, Writer]] = {
    "html": Writer("html", html.write),
    "pdf": Writer("pdf", pdf.write),
    "md": Writer("md", markdown.write),
}
"""Every format by its name."""
