"""Sheets from a vendor's data and a caller's view of the site: rows, tests, commands, checks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from orthancgen.sheets.commands import commands
from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.qr_text import qr_text
from orthancgen.sheets.sheet import Command, Message, NetworkNote, Row, Sheet, Tested
from orthancgen.sheets.ticks import ticks
from orthancgen.sheets.values import LABELS, filled, only_here
from orthancgen.sheets.vendor import FieldRow, Source, Test, Vendor

_NEEDED_FOR: Final[Mapping[str, str]] = {"worklist": "find_worklist"}
"""What a device tests -> the permission that it takes, where the words differ."""


def compose(
    vendor: Vendor,
    connection: Connection,
    site: SiteFacts,
    *,
    name: str | None = None,
    network: tuple[NetworkNote, ...] = (),
) -> Sheet:
    """The sheet of a vendor for a caller.

    Args:
        vendor: whose menus and commands.
        connection: of the caller.
        site: what all sheets share.
        name: file name without extension; without it, `sheet_name`.
        network: what must be open on the way, from `network.caller_notes`.
    """
    rows = tuple(_row(one, connection, site) for one in vendor.fields if _applies(one, connection))
    made = commands(vendor, connection, site)
    tests = tuple(_tested(one) for one in vendor.tests if _NEEDED_FOR.get(one.what, one.what) in connection.may)
    quirks = (*_warnings(vendor, connection, site), *((Message(one.text), one.source) for one in vendor.quirks))
    return Sheet(
        id=name or sheet_name(vendor, connection),
        site=site,
        connection=connection,
        vendor=vendor,
        title=_title(vendor, connection),
        paths=vendor.paths,
        rows=rows,
        tests=tests,
        commands=made,
        send_back=tuple(_send_back(vendor, connection, site)),
        checks=ticks(vendor, connection, site),
        network=network,
        quirks=quirks,
        sources=_sources(vendor, rows, tests, made),
        qr=qr_text(connection, site),
    )


def sheet_name(vendor: Vendor, connection: Connection) -> str:
    """The file name of a sheet: that of the modality, or `vendor-ID` for one that is not registered yet."""
    return connection.modality or f"vendor-{vendor.id}"


def _title(vendor: Vendor, connection: Connection) -> Message:
    if connection.modality is not None:
        return Message("{modality}: {vendor}", {"modality": connection.modality, "vendor": vendor.name})
    if vendor.kind in {"web", "toolkit"} or connection.open_to_anyone:
        return Message("{vendor}", {"vendor": vendor.name})
    return Message("{vendor}: a device that is not registered yet", {"vendor": vendor.name})


def _applies(field: FieldRow, connection: Connection) -> bool:
    return field.when == "always" or (field.when == "tls") == (connection.tls is not None)


def _row(field: FieldRow, connection: Connection, site: SiteFacts) -> Row:
    own_note = Message(field.note) if field.note else None
    if field.value is None:
        return Row(field.label, field.literal, note=own_note, source=field.source)
    what = filled(field.value, connection, site)
    return Row(field.label, what.value, what.words, own_note or what.note, field.source)


def _tested(test: Test) -> Tested:
    return Tested(Message(test.action), Message(test.success), tuple(Message(one) for one in test.failure), test.source)


def _send_back(vendor: Vendor, connection: Connection, site: SiteFacts) -> Iterator[Row]:
    for name in vendor.send_back:
        what = filled(name, connection, site)
        yield Row(LABELS[name], what.value, what.words)


def _warnings(vendor: Vendor, connection: Connection, site: SiteFacts) -> Iterator[tuple[Message, str | None]]:
    """What this vendor and this site together stumble on."""
    longest = vendor.aet_longest
    for aet, text in (
        (connection.called_aet, _LONG_CALLED),
        (connection.own_aet or "", _LONG_OWN),
    ):
        if len(aet) > longest:
            yield Message(text.text, {"longest": str(longest), "aet": aet, "length": str(len(aet))}), None
    if connection.tls is not None and vendor.tls is not None and vendor.tls.supported == "no":
        yield Message("The site wants TLS, which these devices cannot do. Ask the site for a way without it."), None
    if vendor.kind == "web" and (note := only_here(site)) is not None:
        yield note, None


_LONG_CALLED: Final = Message(
    "The AE title of the site, {aet}, has {length} characters, and these devices take {longest}. Ask the site before "
    "you cut it: a shortened one is refused where the site checks it."
)
_LONG_OWN: Final = Message(
    "The registered AE title, {aet}, has {length} characters, and these devices take {longest}. Ask the site to "
    "register a shorter one."
)


def _sources(
    vendor: Vendor, rows: Iterable[Row], tests: Iterable[Tested], made: Iterable[Command]
) -> dict[str, Source]:
    """The sources that the sheet refers to, in the order of the data file."""
    used = {
        *(one.source for one in rows),
        *(one.source for one in tests),
        *(one.source for one in made),
        *(one.source for one in vendor.paths),
        *(one.source for one in vendor.quirks),
        vendor.tls.source if vendor.tls else None,
    }
    return {name: source for name, source in vendor.sources.items() if name in used}
