"""Sheets, card, index and network notes as documents: what stands where, in the words of one language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from orthancgen.sheets.blocks import Blocks
from orthancgen.sheets.catalogue import Catalogue, Inline, Piece
from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.document import Block, Document, Link, Links, Points, Text
from orthancgen.sheets.frame import Part, document, sections_of
from orthancgen.sheets.sheet import Card, Command, Message, Row, Sheet, SheetSet
from orthancgen.sheets.values import LABELS, filled, get_password, rest_url
from orthancgen.sheets.vendor import ValueName, VendorKind

_ENTER: Final[Mapping[VendorKind, Message]] = {
    "modality": Message("Enter at the device"),
    "workstation": Message("Enter at the workstation"),
    "program": Message("Enter in the program"),
    "toolkit": Message("The connection"),
    "web": Message("The connection"),
}
_TEST: Final[Mapping[VendorKind, Message]] = {
    "modality": Message("Test at the device"),
    "workstation": Message("Test at the workstation"),
    "program": Message("Test in the program"),
    "toolkit": Message("Test"),
    "web": Message("Test"),
}
_WAYS: Final[Mapping[str, Message]] = {
    "direct": Message("DICOM"),
    "plain_listener": Message("DICOM, unencrypted entrance"),
    "vpn": Message("DICOM through the VPN"),
}
_SETTINGS: Final[tuple[ValueName, ...]] = ("called_aet", "host", "port", "tls")
_TLS: Final[tuple[ValueName, ...]] = ("tls", "authority", "device_certificate", "device_key")


def sheet_page(sheet: Sheet, words: Catalogue) -> Document:
    """The sheet of one vendor for one caller."""
    made = Blocks(words, {name: number for number, name in enumerate(sheet.sources, start=1)})
    vendor, link = sheet.vendor, sheet.connection
    quirks = tuple((words.pieces(text), made.number(source)) for text, source in sheet.quirks)
    rights = tuple((one, None) for one in made.rights(link))
    speaks_dicom = vendor.kind != "web"
    back = Message("Send back to the site") if link.modality is None else Message("What the site has on record")
    parts: tuple[Part, ...] = (
        ("enter", _ENTER[vendor.kind], [made.fields(sheet.rows or _settings(sheet))]),
        ("where", Message("Where to enter it"), list(_where(sheet, made))),
        ("test", _TEST[vendor.kind], [block for one in sheet.tests for block in made.tested(one)]),
        ("commands", Message("Commands to copy"), [made.command(one) for one in _said_once(sheet.commands)]),
        ("back", back, [made.record(sheet.send_back)] if sheet.send_back else []),
        ("ticks", Message("Done and checked"), [made.ticks(sheet.checks)] if sheet.checks else []),
        ("rights", Message("What the site allows"), [Points(rights)] if speaks_dicom else []),
        ("tls", Message("Encryption (TLS)"), list(_tls(sheet, made)) if speaks_dicom else []),
        ("network", Message("For whoever runs the network"), [b for one in sheet.network for b in made.note(one)]),
        ("quirks", Message("Good to know"), [Points(quirks)] if quirks else []),
        ("sources", Message("Sources"), [made.references(sheet.sources)] if sheet.sources else []),
    )
    described = ((Piece(link.description),),) if link.description else ()
    return document(
        sheet.site,
        words,
        sheet.title,
        lead=(*described, words.pieces(vendor.about), *_questions(made, sheet.site)),
        sections=sections_of(parts, words),
        qr=sheet.qr,
    )


def card_page(card: Card, words: Catalogue) -> Document:
    """The quick reference card."""
    made = Blocks(words, {})
    parts: tuple[Part, ...] = (
        ("enter", Message("Connection"), [made.fields(card.rows)]),
        ("commands", Message("Test"), [made.command(one) for one in _said_once(card.tests)]),
        ("call", Message("Whom to call"), [Text(words.pieces(one)) for one in card.contact]),
    )
    sections = sections_of(parts, words)
    return document(card.site, words, Message("DICOM quick reference"), sections=sections, qr=card.qr, layout="card")


def index_page(every: SheetSet, files: Mapping[str, str], words: Catalogue) -> Document:
    """The list of a site's sheets.

    Args:
        every: the sheets.
        files: name of the file of each sheet by its id, and of ``card`` and ``network``; what is missing has no link.
        words: the language.
    """
    made, site = Blocks(words, {}), every.site
    head = (Message("Sheet"), Message("AE title"), Message("Address"), Message("Calls"), Message("By"))
    sheets = Links(
        tuple(words.text(one) for one in head),
        tuple(Link(words.text(one.title), files.get(one.id), tuple(_caller(one, words))) for one in every.sheets),
    )
    site_wide = (
        ("card", Message("Quick reference card"), Message("One side of A5, to hang up.")),
        ("network", Message("Network notes"), Message("Addresses, ports and the firewall's commands.")),
    )
    others = Links((), tuple(Link(words.text(t), files.get(name), (words.text(s),)) for name, t, s in site_wide))
    parts: tuple[Part, ...] = (
        ("sheets", Message("Sheets"), [sheets] if every.sheets else []),
        ("others", Message("For the whole site"), [others]),
        ("web", Message("Web"), [made.record(_web(site))]),
        ("call", Message("Whom to call"), [Text(one) for one in made.contact(site)]),
    )
    lead = ((Piece(site.description),),) if site.description else ()
    return document(site, words, Message("Workstation sheets"), lead=lead, sections=sections_of(parts, words))


def network_page(every: SheetSet, words: Catalogue) -> Document:
    """The notes for whoever runs the network."""
    made = Blocks(words, {})
    notes = [
        (f"note-{n}", one.heading, list(made.note(one, with_heading=False))) for n, one in enumerate(every.network)
    ]
    call = ("call", Message("Whom to call"), [Text(one) for one in made.contact(every.site)])
    return document(every.site, words, Message("Network notes"), sections=sections_of((*notes, call), words))


def _questions(made: Blocks, site: SiteFacts) -> Iterator[Inline]:
    """Whom to call, on one line."""
    lines = [piece for line in made.contact(site) for piece in (Piece(" · "), *line)]
    if lines:
        yield (*made.words.pieces(Message("Questions?")), Piece(" "), *lines[1:])


def _said_once(commands: Sequence[Command]) -> Iterator[Command]:
    """The commands, each placeholder explained where it comes first."""
    said: set[str] = set()
    for one in commands:
        yield replace(one, replace={name: what for name, what in one.replace.items() if name not in said})
        said |= one.replace.keys()


def _settings(sheet: Sheet) -> tuple[Row, ...]:
    """What every DICOM program asks for, for those that have no dialogue."""
    return tuple(_row(name, sheet.connection, sheet.site) for name in _SETTINGS)


def _row(name: ValueName, link: Connection, site: SiteFacts) -> Row:
    what = filled(name, link, site)
    return Row(LABELS[name], what.value, what.words, what.note)


def _where(sheet: Sheet, made: Blocks) -> Iterator[Block]:
    for one in sheet.paths:
        yield made.path(one)
    if sheet.vendor.products_differ is not None:
        yield Text(made.words.pieces(sheet.vendor.products_differ), tone="notice")


def _tls(sheet: Sheet, made: Blocks) -> Iterator[Block]:
    """Whether the connection is encrypted, by which files, and what the vendor's devices can do of it."""
    if sheet.connection.tls is None:
        yield Text(made.words.pieces(Message("This connection is not encrypted: TLS is off.")))
    else:
        yield made.record(_row(name, sheet.connection, sheet.site) for name in _TLS)
    support = sheet.vendor.tls
    if support is not None:
        yield Text(made.words.pieces(support.note), made.number(support.source))


def _caller(sheet: Sheet, words: Catalogue) -> Iterator[str]:
    """Cells of the index: its AE title, its address, where it calls, by which way."""
    link = sheet.connection
    yield link.own_aet or ""
    yield "" if link.own_address is None else _at(link.own_address, link.own_port)
    if sheet.vendor.kind == "web":
        yield rest_url(sheet.site)
        yield words.text(Message("Web"))
        return
    yield f"{link.called_aet} · {_at(link.hosts[0], link.port)}"
    way = words.text(_WAYS[link.way])
    yield words.text(Message("{way}, TLS", {"way": way})) if link.tls else way


def _at(host: str, port: int | None) -> str:
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _web(site: SiteFacts) -> Iterator[Row]:
    """Where the web side is, and every login with the command that shows its password."""
    web = site.web
    if web.orthanc_url is not None:
        yield Row(Message("Address"), web.orthanc_url)
    yield Row(Message("Address on the server itself"), web.local_url)
    for name, role in web.users:
        command = {"command": get_password(name, site)}
        note = Message("An administrator shows its password with: `{command}`", command)
        yield Row(Message("Login ({role})", {"role": role}), name, note=note)
