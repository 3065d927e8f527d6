"""A page as PDF: the HTML on paper, by WeasyPrint. The same page gives the same bytes on the same machine.

WeasyPrint is an extra (`orthancgen[pdf]`) and needs the system's Pango; it is imported when a PDF is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from orthancgen.errors import RenderError
from orthancgen.resources import with_extra
from orthancgen.sheets.document import Document
from orthancgen.sheets.html import READABLE, SIZES, for_paper

if TYPE_CHECKING:
    from types import ModuleType


def write(page: Document) -> bytes:
    """The page, tagged for readers' programs (PDF/UA-1). A card is one side of A5, in the largest type that fits.

    Where that would be too small to read, the card's last tests are left out, and it says so.

    Raises:
        RenderError: HTML cannot carry a value; WeasyPrint or Pango is not installed; a card does not fit on its side.
    """
    weasyprint = _weasyprint()
    for tried, size in _attempts(page):
        source = for_paper(tried, size)
        laid_out = weasyprint.HTML(string=source, url_fetcher=_refuse).render()
        if page.layout == "sheet" or len(laid_out.pages) == 1:
            identifier = hashlib.sha256(source.encode("utf-8")).hexdigest()[:32].encode("ascii")
            written: bytes = laid_out.write_pdf(pdf_identifier=identifier, pdf_variant="pdf/ua-1")
            return written
    raise RenderError(
        "the card does not fit on one side of A5",
        hint="shorten the contact and the host's name, or take the sheets",
    )


def _attempts(page: Document) -> Iterator[tuple[Document, int]]:
    """What is tried in turn: the page, and the size of its type."""
    if page.layout == "sheet":
        yield page, 0
        return
    for size in range(READABLE):
        yield page, size
    while (shorter := page.without_last_command()) is not None:
        page = shorter
        yield page, READABLE - 1
    for size in range(READABLE, SIZES):
        yield page, size


def _weasyprint() -> ModuleType:
    try:
        import weasyprint  # type: ignore[import-untyped]
    except ImportError as error:
        raise RenderError(
            "PDF needs WeasyPrint, which is not installed",
            hint=f"{with_extra('pdf')}, or take --format html and print it from the browser",
        ) from error
    except OSError as error:  # cffi cannot load a library
        raise RenderError(
            "PDF needs Pango, which is not installed",
            hint="apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core,"
            " or take --format html and print it from the browser",
        ) from error
    module: ModuleType = weasyprint
    return module


def _refuse(url: str, *_: Any, **__: Any) -> None:
    """Fetch nothing: a page holds all it needs.

    Raises:
        ValueError: always.
    """
    raise ValueError("a sheet fetches nothing")
