"""Which sheets are made: those asked for, or a set of everything a site needs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orthancgen.errors import InputError
from orthancgen.plan.model import Plan
from orthancgen.sheets.card import TESTS, card
from orthancgen.sheets.compose import compose, sheet_name
from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.load import vendor, vendor_ids
from orthancgen.sheets.network import caller_notes, site_notes
from orthancgen.sheets.sheet import Sheet, SheetSet
from orthancgen.sheets.vendor import Vendor
from orthancgen.site.explain import did_you_mean
from orthancgen.site.problems import printable

FOR_NOBODY: Final = ("generic", "dcmtk")
"""The sheets of a site that has no modalities."""
TAKEN: Final = frozenset({"index", "card", "network"})
"""File names of the other pages."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes:
        modalities: names of those that get a sheet; none is every one, unless vendors are named.
        vendors: with modalities, whose menus their sheets describe instead of their own vendor's; without, sheets for
            a device that is not registered yet.
        all_vendors: besides, one sheet of each vendor for a device that is not registered yet.
    """

    modalities: Sequence[str] = ()
    vendors: Sequence[str] = ()
    all_vendors: bool = False


def sheet_set(plan: Plan, site: SiteFacts, wanted: Wanted) -> SheetSet:
    """Everything for one site.

    Raises:
        InputError: there is no such modality or vendor.
    """
    _require_known("modality", wanted.modalities, tuple(plan.site.modalities))
    _require_known("vendor", wanted.vendors, vendor_ids())
    sheets = tuple(_named(plan, site, tuple(_pairs(plan, site, wanted))))
    shown_on_card: Mapping[str, Vendor] = {name: vendor(name) for name, _ in TESTS}
    return SheetSet(site, sheets, card(site, shown_on_card), site_notes(plan, site))


def _require_known(what: str, asked: Sequence[str], known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            there_are = f"there are: {', '.join(known)}" if known else "there are none"
            hint = did_you_mean(name, known)
            raise InputError(
                f"there is no {what} {printable(name)}", hint=f"{hint} {there_are}" if hint is not None else there_are
            )


def _pairs(plan: Plan, site: SiteFacts, wanted: Wanted) -> Iterator[tuple[Vendor, Connection]]:
    modalities, newcomer = plan.site.modalities, site.connections[-1]
    by_name = {one.modality: one for one in site.connections}
    named = wanted.modalities or (() if wanted.vendors else tuple(modalities))
    for name in dict.fromkeys(named):
        for whose in dict.fromkeys(wanted.vendors or (modalities[name].vendor,)):
            yield vendor(whose), by_name[name]
    for_newcomers = wanted.vendors if not wanted.modalities else ()
    if wanted.all_vendors:
        for_newcomers = (*for_newcomers, *vendor_ids())
    elif not named and not wanted.vendors:
        for_newcomers = FOR_NOBODY
    for whose in dict.fromkeys(for_newcomers):
        yield vendor(whose), newcomer


def _named(plan: Plan, site: SiteFacts, pairs: Sequence[tuple[Vendor, Connection]]) -> Iterator[Sheet]:
    """The sheets, each with a file name of its own, on file systems that know no case too."""
    taken = set(TAKEN)
    for whose, connection in pairs:
        plain = sheet_name(whose, connection)
        if connection.modality is not None and whose.id != plan.site.modalities[connection.modality].vendor:
            plain = f"{plain}-{whose.id}"
        name, number = plain, 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}-{number}"
        taken.add(name.casefold())
        yield compose(whose, connection, site, name=name, network=caller_notes(plan, connection, site))
