"""A page in one language and no format: sections of blocks, which `html.py` and `markdown.py` lay out.

Made by `pages.py`. A value, a label of a vendor and a command are plain strings: no writer translates or shortens them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from orthancgen.sheets.catalogue import Inline

Layout = Literal["sheet", "card"]
"""A4 for all but the card, which is one side of A5."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A field and what is typed in.

    Attributes:
        label: of the field.
        value: to type as it stands; None where there is none.
        words: what to do instead, or what the value is in words; may be empty.
        note: more about it; may be empty.
        source: number of its source below, or None.
    """

    label: Inline
    value: str | None
    words: Inline = ()
    note: Inline = ()
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """Fields, one under another; `large` for those that are read while typing."""

    kind: ClassVar[str] = "entries"
    label_head: str
    value_head: str
    entries: tuple[Entry, ...]
    large: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph: plain, less important, to be heeded, of success or failure, or the heading of what follows."""

    kind: ClassVar[str] = "text"
    text: Inline
    source: int | None = None
    tone: Literal["plain", "quiet", "notice", "good", "bad", "heading"] = "plain"


@dataclass(frozen=True, slots=True)
class Path:
    """A way through menus: the product, what is clicked in order, remarks, the source's number."""

    kind: ClassVar[str] = "path"
    product: str
    steps: tuple[str, ...]
    remarks: tuple[Inline, ...]
    source: int | None


@dataclass(frozen=True, slots=True)
class Code:
    """A command or a script to copy: what it is for, itself, what to replace in it, what is then seen."""

    kind: ClassVar[str] = "code"
    language: str
    text: str
    purpose: Inline = ()
    replace: tuple[tuple[str, Inline], ...] = ()
    remarks: tuple[Inline, ...] = ()
    source: int | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """A list of remarks, each with its source's number."""

    kind: ClassVar[str] = "points"
    items: tuple[tuple[Inline, int | None], ...]


@dataclass(frozen=True, slots=True)
class Ticks:
    """What is ticked, and lines to sign on."""

    kind: ClassVar[str] = "ticks"
    items: tuple[Inline, ...]
    blanks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A row of a list of pages: its title, the file (None where it was not made), what else is said of it."""

    title: str
    file: str | None
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Links:
    """Other pages."""

    kind: ClassVar[str] = "links"
    head: tuple[str, ...]
    rows: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A source: its number on this page, its title, where it is, when it was read in words."""

    number: int
    title: str
    url: str
    read: str


@dataclass(frozen=True, slots=True)
class References:
    """The sources of the page."""

    kind: ClassVar[str] = "references"
    items: tuple[Reference, ...]


Block = Entries | Text | Path | Code | Points | Ticks | Links | References


@dataclass(frozen=True, slots=True)
class Section:
    """A heading (empty for none) and what stands under it."""

    id: str
    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A page.

    Attributes:
        language: its code, for the reader's programs.
        layout: A4 or A5.
        site: name of the site, above the title.
        title: what the page is.
        lead: sentences under the title.
        stamp: what the page holds for: label and value each, such as the release.
        running: the stamp in short, on each printed page.
        page_of: the words around the number of a printed page and their count: before, between, after.
        qr: text of the QR code; None for none.
        qr_says: what the code holds, for those who do not see it.
        qr_caption: the same in short, under the code.
        sections: in order.
        left_out: what stands where commands had to be left out for want of room.
    """

    language: str
    layout: Layout
    site: str
    title: str
    lead: tuple[Inline, ...]
    stamp: tuple[tuple[str, str], ...]
    running: str
    page_of: tuple[str, str, str]
    qr: str | None
    qr_says: str
    qr_caption: str
    sections: tuple[Section, ...]
    left_out: Inline = ()

    def without_last_command(self) -> Document | None:
        """The page with one command less, which says so; None where there is none."""
        for index, section in enumerate(self.sections):
            codes = [block for block in section.blocks if isinstance(block, Code)]
            if codes:
                blocks: tuple[Block, ...] = (*codes[:-1], Text(self.left_out, tone="quiet"))
                shorter = replace(section, blocks=blocks)
                return replace(self, sections=(*self.sections[:index], shorter, *self.sections[index + 1 :]))
        return None
