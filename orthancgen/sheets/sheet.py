"""A composed sheet, in no language and no format: what `compose.py` makes and every writer lays out.

English texts are kept as they are in the code and in the vendor data; a writer passes each through the catalogue of its
language (`catalogue.py`). Values of the site and the vendor's own words are never translated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.vendor import MenuPath, Source, Vendor


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence to translate: English with ``{name}`` for each value, which is put in after the translation."""

    text: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A field to fill in.

    Attributes:
        label: the vendor's word; where the sheet is of no vendor, a Message.
        value: what to type: never translated; None where the device's engineer chooses it.
        words: a value that is said in words (on, off, a recommendation), or what to do where `value` is None.
        note: more about it, or None.
        source: id of the vendor's source, or None.
    """

    label: str | Message
    value: str | None
    words: Message | None = None
    note: Message | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Tested:
    """How to test from the device, what is then seen, and what failures mean."""

    action: Message
    success: Message
    failures: tuple[Message, ...]
    source: str | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command with this site's values, to copy.

    Attributes:
        id: from the data file, unique within the sheet.
        purpose: what it does.
        language: sh, powershell or python.
        text: the command or script, whole, quoted for its language. Placeholders that a reader must replace are
            written as words in capitals (`FILE.dcm`, `FOLDER`, `STUDY_UID`) and listed in `replace`.
        argv: for a command of one program, its arguments with the same placeholders; empty for a script.
        success: what is seen when it worked.
        expect_exit, expect_output: what of that can be compared.
        replace: placeholder -> what to put there.
        source: id of the vendor's source.
    """

    id: str
    purpose: Message
    language: Literal["sh", "powershell", "python"]
    text: str
    argv: tuple[str, ...]
    success: Message
    expect_exit: int
    expect_output: str | None
    replace: Mapping[str, Message]
    source: str
    note: Message | None = None


@dataclass(frozen=True, slots=True)
class NetworkNote:
    """What whoever runs the network must do for this caller, or for the site.

    Attributes:
        heading: of what it is about.
        text: in words.
        commands: lines to copy, in the site's firewall dialect or the cloud's; empty where there is nothing to type.
        language: of the commands.
    """

    heading: Message
    text: Message
    commands: tuple[str, ...] = ()
    language: Literal["sh", "powershell", "text"] = "sh"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: of a vendor for a caller.

    Attributes:
        id: file name without extension, such as `ct1` or `vendor-siemens`.
        site, connection, vendor: what it was made of.
        title: its heading.
        paths: the menu paths.
        rows: the fields to fill in, in the device's order.
        tests: what to do at the device.
        commands: what to type on a computer.
        send_back: what the engineer must tell the site; for a registered modality, what the site has on record.
        checks: what the technician ticks, in order.
        network: what must be open on the way.
        quirks: what people stumble on, each with its source.
        sources: the sources that are referred to, by id.
        qr: text of the QR code: the settings, without secrets.
    """

    id: str
    site: SiteFacts
    connection: Connection
    vendor: Vendor
    title: Message
    paths: tuple[MenuPath, ...]
    rows: tuple[Row, ...]
    tests: tuple[Tested, ...]
    commands: tuple[Command, ...]
    send_back: tuple[Row, ...]
    checks: tuple[Message, ...]
    network: tuple[NetworkNote, ...]
    quirks: tuple[tuple[Message, str | None], ...]
    sources: Mapping[str, Source]
    qr: str


@dataclass(frozen=True, slots=True)
class Card:
    """The quick reference card of a site: one side of A5.

    Attributes:
        rows: connection details.
        tests: the shortest commands that test it.
        contact: whom to call.
    """

    site: SiteFacts
    rows: tuple[Row, ...]
    tests: tuple[Command, ...]
    contact: tuple[Message, ...]
    qr: str


@dataclass(frozen=True, slots=True)
class SheetSet:
    """Everything for one site: the index page lists the sheets; the card and the network notes stand beside it."""

    site: SiteFacts
    sheets: tuple[Sheet, ...]
    card: Card
    network: tuple[NetworkNote, ...]
