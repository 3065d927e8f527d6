"""A page as HTML: no script, nothing from elsewhere, light and dark, and fit for paper."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from markupsafe import Markup

from orthancgen.render.engine import render_template
from orthancgen.sheets.document import Code, Document, Entries, Text
from orthancgen.sheets.qr import qr_svg

SIZES: Final = 10
"""Sizes of the card's type in `card.css`; 0 is the largest."""
READABLE: Final = 8
"""How many of them are of 6 points or more."""
_BREAKS: Final = re.compile(r"(?<=[.:/@_-])(?=[^.:/@_-])")
_UNBROKEN: Final = 24
"""Characters of a value that fit everywhere."""
_FULL: Final = (18, 22, 26, 31, 36, 42, 50, 60, 74)
"""Lines that the card holds at each size but the smallest, of about `_LINE` characters at the first."""
_LINE: Final = 52


def write(page: Document) -> bytes:
    """The page for screen and paper.

    Raises:
        RenderError: HTML cannot carry a value.
    """
    lines = _lines_of_card(page)
    size = next((size for size, full in enumerate(_FULL) if lines <= full), SIZES - 1)
    return _rendered(page, size, breakable, render_template("sheets/screen.css")).encode("utf-8")


def for_paper(page: Document, size: int) -> str:
    """The page for a renderer of PDF: as text is copied from there, nothing stands between a value's characters.

    Args:
        page: what to render.
        size: of the card's type.

    Raises:
        RenderError: HTML cannot carry a value.
    """
    return _rendered(page, size, lambda value: (value,), "")


def breakable(value: str) -> tuple[str, ...]:
    """A long value cut where it may be broken: after dots, colons, slashes and the like; a sentence has its spaces."""
    return (value,) if len(value) <= _UNBROKEN or " " in value else tuple(_BREAKS.split(value))


def css_string(text: str) -> Markup:
    """A string of CSS, all but letters and digits escaped (https://www.w3.org/TR/css-syntax-3/#consume-string-token)."""
    body = "".join(one if one.isascii() and one.isalnum() else f"\\{ord(one):x} " for one in text)
    return Markup(f'"{body}"')  # noqa: S704  this is the encoder


def _rendered(page: Document, size: int, parts_of: Callable[[str], tuple[str, ...]], for_screen: str) -> str:
    before, between, after = (css_string(text) for text in page.page_of)
    style = render_template(
        "sheets/page.css", running=css_string(page.running), before=before, between=between, after=after
    )
    if page.layout == "card":
        style += render_template("sheets/card.css")
    style += for_screen
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    code = None if page.qr is None else qr_svg(page.qr)
    return render_template(
        "sheets/page.html",
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        style=Markup(style),  # noqa: S704  shipped, its values encoded for CSS; the hash is of these very bytes
        page=page,
        size=size,
        code_svg=None if code is None else Markup(code),  # noqa: S704  drawn by segno, holds numbers alone
        parts_of=parts_of,
        lines_of=lambda text: text.split("\n"),
        address_of=address_of,
    )


def address_of(file: str) -> str:
    """A file beside this one as a relative URL (RFC 3986, 4.2): a colon in its first segment would name a scheme."""
    return f"./{quote(file)}"


def _lines_of_card(page: Document) -> int:
    """About how many lines the page has at the card's first size; exact where paper is laid out, in `pdf.py`."""
    if page.layout != "card":
        return 0
    texts: list[str] = [page.title, page.site]
    for section in page.sections:
        texts.append(section.heading)
        for block in section.blocks:
            if isinstance(block, Entries):
                texts += [(one.value or "") * 2 for one in block.entries]
                texts += ["".join(piece.text for piece in (*one.words, *one.note)) for one in block.entries]
            elif isinstance(block, Code):
                texts += block.text.split("\n")
                for sentence in (block.purpose, *block.remarks, *(what for _, what in block.replace)):
                    texts.append("".join(piece.text for piece in sentence))
            elif isinstance(block, Text):
                texts.append("".join(piece.text for piece in block.text))
    return sum(-(-len(text) // _LINE) for text in texts)
