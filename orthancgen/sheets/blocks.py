"""Parts of a composed sheet as blocks of a page, in the words of one language."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from orthancgen.sheets.catalogue import Catalogue, Inline, Piece
from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.document import Block, Code, Entries, Entry, Path, Reference, References, Text, Ticks
from orthancgen.sheets.sheet import Command, Message, NetworkNote, Row, Tested
from orthancgen.sheets.vendor import MenuPath, Source

MAY: Final[Mapping[str, Message]] = {
    "echo": Message("Test the connection (C-ECHO)"),
    "store": Message("Send images (C-STORE)"),
    "find": Message("Search (C-FIND)"),
    "find_worklist": Message("Ask for the worklist (C-FIND)"),
    "get": Message("Fetch images (C-GET)"),
    "move": Message("Have images sent (C-MOVE)"),
    "storage_commitment": Message("Have storage confirmed (storage commitment)"),
}
"""What the site can permit, for people."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Makes blocks.

    Attributes:
        words: the language.
        numbers: number of each source on the page, by its id.
    """

    words: Catalogue
    numbers: Mapping[str, int]

    def fields(self, rows: Iterable[Row]) -> Entries:
        """Fields to fill in, to be read while typing."""
        entries = tuple(self._entry(row) for row in rows)
        return Entries(self.words.text(Message("Field")), self.words.text(Message("Enter")), entries, large=True)

    def record(self, rows: Iterable[Row]) -> Entries:
        """Values to tell or to know."""
        entries = tuple(self._entry(row) for row in rows)
        return Entries(self.words.text(Message("What")), self.words.text(Message("Value")), entries)

    def path(self, one: MenuPath) -> Path:
        """A way through menus."""
        remarks = [] if one.note is None else [self.words.pieces(one.note)]
        if not one.confirmed:
            remarks.append(self.words.pieces(Message("The source names the place only roughly; menus may differ.")))
        return Path(one.product, one.steps, tuple(remarks), self.numbers.get(one.source))

    def tested(self, one: Tested) -> Iterator[Block]:
        """A test at the device."""
        words = self.words
        yield Text(words.pieces(one.action), self.number(one.source))
        yield Text(self._said(Message("It worked: {what}"), one.success), tone="good")
        if one.failures:
            yield Text(words.pieces(Message("When it fails:")), tone="quiet")
        for failure in one.failures:
            yield Text(words.pieces(failure), tone="bad")

    def command(self, one: Command) -> Code:
        """A command to copy."""
        remarks = [self._said(Message("It worked: {what}"), one.success)]
        if one.note is not None:
            remarks.append(self.words.pieces(one.note))
        return Code(
            one.language,
            one.text,
            purpose=self.words.pieces(one.purpose),
            replace=tuple((name, self.words.pieces(what)) for name, what in one.replace.items()),
            remarks=tuple(remarks),
            source=self.number(one.source),
        )

    def note(self, one: NetworkNote, *, with_heading: bool = True) -> Iterator[Block]:
        """A note on the network."""
        if with_heading:
            yield Text(self.words.pieces(one.heading), tone="heading")
        yield Text(self.words.pieces(one.text))
        if one.commands:
            yield Code(one.language, "\n".join(one.commands))

    def ticks(self, checks: Iterable[Message]) -> Ticks:
        """What the technician ticks and signs."""
        blanks = (Message("Date"), Message("Name"), Message("Signature"))
        return Ticks(tuple(self.words.pieces(one) for one in checks), tuple(self.words.text(one) for one in blanks))

    def references(self, sources: Mapping[str, Source]) -> References:
        """The sources of the page, with their numbers."""
        return References(
            tuple(
                Reference(
                    self.numbers[name],
                    one.title,
                    one.url,
                    self.words.text(Message("read on {date}", {"date": self.words.date(one.read_on)})),
                )
                for name, one in sources.items()
            )
        )

    def rights(self, link: Connection) -> Iterator[Inline]:
        """What the site permits the caller, and under which conditions."""
        words = self.words
        may = [words.text(MAY.get(one, one)) for one in link.may]
        for one in may:
            yield (Piece(one),)
        if not may:
            yield words.pieces(Message("Nothing yet: it is not registered."))
        if link.only_own_address and link.own_address is not None:
            only = Message("It is let in from its own address alone: `{address}`.", {"address": link.own_address})
            yield words.pieces(only)
        elif link.only_own_address:
            yield words.pieces(Message("It is let in from its own address alone."))
        if link.exact_case:
            yield words.pieces(Message("Upper and lower case of AE titles differ: type them as they stand here."))
        if len(link.hosts) > 1:
            others = {"hosts": ", ".join(link.hosts[1:])}
            yield words.pieces(Message("The site also answers at: `{hosts}`", others))

    def contact(self, site: SiteFacts) -> Iterator[Inline]:
        """Whom to call, a line each."""
        if site.contact is None:
            return
        yield (Piece(site.contact.name),)
        if site.contact.phone:
            yield self.words.pieces(Message("Telephone: {phone}", {"phone": site.contact.phone}))
        if site.contact.email:
            yield self.words.pieces(Message("E-mail: {email}", {"email": site.contact.email}))

    def number(self, source: str | None) -> int | None:
        """Number of a source on the page."""
        return None if source is None else self.numbers.get(source)

    def _entry(self, row: Row) -> Entry:
        words = self.words
        return Entry(
            (Piece(row.label),) if isinstance(row.label, str) else words.pieces(row.label),
            row.value,
            () if row.words is None else words.pieces(row.words),
            () if row.note is None else words.pieces(row.note),
            self.number(row.source),
        )

    def _said(self, frame: Message, what: Message) -> Inline:
        """A sentence within another: ``{what}`` of the frame stands at its end, its code stays code."""
        before = self.words.text(frame).partition("{what}")[0]
        return (Piece(before), *self.words.pieces(what))
