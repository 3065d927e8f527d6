"""Who is played, and from where: each modality, `orthancgen verify`, and one caller that stands for everybody else."""

from __future__ import annotations

import itertools
from typing import Final

from orthancgen.access.model import Caller, Entry, Place, PlaceKind
from orthancgen.firewall.policy import Policy
from orthancgen.plan.addresses import addresses, verifier_seen
from orthancgen.plan.model import Plan
from orthancgen.plan.sources import arrival
from orthancgen.render.orthanc_json import VERIFIER
from orthancgen.site.model import Site
from orthancgen.site.types import is_ip, is_loopback

ANYONE_ELSE: Final = "anyone else"
_ELSEWHERE: Final = (*(f"203.0.113.{last}" for last in range(1, 255)), *(f"198.51.100.{n}" for n in range(1, 255)))
"""Addresses for examples (RFC 5737), of which one stands for every address that nothing names."""


def callers(site: Site) -> tuple[Caller, ...]:
    """Everybody, in the order of the file; anyone else comes last."""
    found = [Caller(name, modality.aet, _own(site, name)) for name, modality in site.modalities.items()]
    if site.verification.enabled:
        found.append(Caller(VERIFIER, site.verification.aet, this_host(site)))
    return (*found, Caller(ANYONE_ELSE, unused_aet(site), None))


def unused_aet(site: Site) -> str:
    """An AE title that is neither a modality's nor Orthanc's."""
    taken = {
        title.casefold()
        for title in (site.orthanc.aet, site.verification.aet, *(m.aet for m in site.modalities.values()))
    }
    names = itertools.chain(["UNKNOWN"], (f"UNKNOWN{n}" for n in itertools.count()))
    return next(aet for aet in names if aet.casefold() not in taken)


def entries(plan: Plan) -> tuple[Entry, ...]:
    """The ports for DICOM callers."""
    tls = plan.site.dicom.tls.enabled
    return tuple(
        Entry(one.name, one.port, one.address, tls=tls and one.said_by == ("dicom", "port"), gateway=name == "gateway")
        for name, service in plan.by_name.items()
        for one in service.listeners
        if one.said_by[0] == "dicom"
    )


def places(site: Site, policy: Policy, entry: Entry, caller: Caller) -> tuple[Place, ...]:
    """Where a caller is played from: all that may differ in what comes of it."""
    here = this_host(site)
    found = [caller.own] if caller.own else []
    own = caller.own.address if caller.own else None
    if other := _another(site, policy, entry, own):
        found.append(other)
    if (None, here.orthanc_sees) not in {(place.firewall_sees, place.orthanc_sees) for place in found}:
        found.append(here)
    return (*found, elsewhere(site))


def this_host(site: Site) -> Place:
    """A program of this host that calls the DICOM port as `orthancgen verify` does."""
    seen = verifier_seen(site)
    text = "this host" if seen == "127.0.0.1" else f"this host, seen as {seen}"
    return Place("this_host", seen, text, None, seen)


def elsewhere(site: Site) -> Place:
    """An address that stands for all that nothing names."""
    named = {modality.address for modality in site.modalities.values()} | {verifier_seen(site)}
    return _place(site, "elsewhere", next(one for one in _ELSEWHERE if one not in named), "any other address")


def _own(site: Site, name: str) -> Place:
    address = site.modalities[name].address
    if is_ip(address):
        return _place(site, "own", address, f"{address}, its own")
    # A name is compared by nobody: an environment in which an address counts has none.
    return _place(site, "own", elsewhere(site).address, f"{address}, its own")


def _another(site: Site, policy: Policy, entry: Entry, own: str | None) -> Place | None:
    """The address of another modality; one that the firewall lets in to that port, where there is one."""
    others = {
        modality.address: name
        for name, modality in site.modalities.items()
        if is_ip(modality.address) and modality.address != own
    }
    found = [_place(site, "another_modality", a, f"{a}, that of {name}") for a, name in others.items()]
    let_in = (p for p in found if p.firewall_sees is None or policy.lets_in(p.firewall_sees, entry.port))
    return next(iter([*let_in, *found]), None)


def _place(site: Site, kind: PlaceKind, address: str, text: str) -> Place:
    """An address as it is seen on the way in. One of the loopback range is this host, which no firewall hinders."""
    if is_loopback(address):
        seen = address if site.runtime == "native" else addresses(site).host_seen
        return Place(kind, address, f"{text}, on this host", None, seen)
    arrived = arrival(site)
    seen = address if arrived.kept or arrived.seen is None else arrived.seen
    at_firewall = address if arrived.filtered_by_source or arrived.seen is None else arrived.seen
    return Place(kind, address, text, at_firewall, seen)


def reaches(entry: Entry, place: Place) -> bool:
    """Whether a call from there can reach the address on which the port listens at all."""
    return place.firewall_sees is None or not is_loopback(entry.address)


def by_ipv6_in_vain(site: Site, address: str) -> bool:
    """Whether a call comes by IPv6 to an Orthanc that is no container's: its DICOM port has IPv4 alone.

    Seen with 1.10.1, 1.12.7 and 1.13.0: ``::1`` refuses the connection. A container's port is published by the engine,
    which accepts IPv6 in its place.
    """
    return site.runtime == "native" and ":" in address
