"""The quick reference card of a site: how to connect, how to test it, whom to call. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.sheets.commands import commands
from orthancgen.sheets.connection import SiteFacts
from orthancgen.sheets.qr_text import qr_text
from orthancgen.sheets.sheet import Card, Command, Message, Row
from orthancgen.sheets.values import LABELS, filled, through_ssh
from orthancgen.sheets.vendor import ValueName, Vendor

TESTS: Final = (("dcmtk", "echo"), ("dcmtk", "store"), ("rest", "system"))
"""Vendor and command of each test on the card: the shortest ones."""
_ROWS: Final[tuple[ValueName, ...]] = ("called_aet", "host", "port", "tls", "web_url", "web_user")


def card(site: SiteFacts, vendors: Mapping[str, Vendor]) -> Card:
    """The card, as it holds for a caller who is not registered.

    Args:
        site: what all sheets share.
        vendors: those of `TESTS`.
    """
    return Card(
        site,
        tuple(_rows(site)),
        tuple(_tests(site, vendors)),
        tuple(_contact(site)),
        qr_text(site.connections[-1], site),
    )


def _rows(site: SiteFacts) -> Iterator[Row]:
    connection = site.connections[-1]
    for name in _ROWS:
        what = filled(name, connection, site)
        yield Row(LABELS[name], what.value, what.words, what.note)
        if name == "web_url" and site.web.viewer is not None:
            alone = None if site.web.viewer_elsewhere else through_ssh(site.web.viewer, site)
            yield Row(Message("Patients, images and reports"), site.web.viewer, None, alone)
        if name == "port":
            plain = next((one.port for one in site.connections if one.way == "plain_listener"), None)
            if plain is not None:
                yield Row(Message("Port for devices without TLS"), str(plain))


def _tests(site: SiteFacts, vendors: Mapping[str, Vendor]) -> Iterator[Command]:
    for vendor, name in TESTS:
        yield from (one for one in commands(vendors[vendor], site.connections[-1], site) if one.id == name)


def _contact(site: SiteFacts) -> Iterator[Message]:
    contact = site.contact
    if contact is None:
        yield Message("The site has named no contact.")
        return
    yield Message("{name}", {"name": contact.name})
    if contact.phone is not None:
        yield Message("Telephone: {phone}", {"phone": contact.phone})
    if contact.email is not None:
        yield Message("E-mail: {email}", {"email": contact.email})
