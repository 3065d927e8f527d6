"""Do the names by which the site is called, and those that it calls, lead where they should?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Note, Remedy
from orthancgen.doctor.observe.engine import in_containers, on_this_host
from orthancgen.doctor.observe.names import is_own, own_addresses, resolved
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network.consequences import of_listener
from orthancgen.doctor.questions.network.words import env
from orthancgen.site.types import is_ip, is_loopback


def _unknown(case: Case) -> Iterator[Finding]:
    for name, what, key in _names(case):
        found = resolved(case, name)
        if not isinstance(found, str):
            continue
        ours = key == "certificates.names"
        remedies = (
            Remedy(f"let whoever keeps the names of the network (DNS) add {name}", on="the network"),
            Remedy(f"or write the address in its place, at {key}", on="the environment file"),
            Remedy("ask for it as this host does", f"getent hosts {name}"),
        )
        title = f"the name {name}, by which callers reach this site, is not known" if ours else (
            f"the name {name} of {what} is not known: Orthanc cannot call it"
        )  # fmt: skip
        yield Diagnosis("name-unknown", title, what, (Evidence(f"{name}: {found}", "resolver of this host"),), remedies)


def _names(case: Case) -> Iterator[tuple[str, str, str]]:
    """Name, what it is of, and the key that says it."""
    for name in case.site.certificates.names:
        if not is_ip(name):
            yield name, "this site", "certificates.names"
    for modality, one in case.site.modalities.items():
        if not is_ip(one.address) and case.modality in {None, modality}:
            yield one.address, f"modality {modality}", f"modalities.{modality}.address"


def _elsewhere(case: Case) -> Iterator[Finding]:
    own = ", ".join(sorted(one for one in own_addresses(case) if not is_loopback(one) and not one.startswith("fe80")))
    for name in case.site.certificates.names:
        if is_ip(name):
            continue
        found = resolved(case, name)
        if isinstance(found, str) or any(is_own(case, one) for one in found):
            continue
        evidence = (Evidence(f"{name} is {', '.join(found)}", "resolver of this host"), Evidence(own, "this host has"))
        if _reached_through_another(case):
            yield Note(f"{name} leads to {found[0]}, which passes calls on to this host", evidence)
            continue
        yield Diagnosis(
            "name-leads-elsewhere",
            f"the name {name} leads to {found[0]}, which is no address of this host: callers reach another one",
            "this site",
            evidence,
            (
                Remedy(f"let whoever keeps the names of the network (DNS) point {name} to this host", on="the network"),
                Remedy("where it is written by hand", f"grep -w {name} /etc/hosts"),
                Remedy("ask again", f"getent hosts {name}"),
            ),
        )


def _not_here(case: Case) -> Iterator[Finding]:
    """Listen addresses first: without them nothing starts."""
    told = set()
    for listener in case.plan.listeners:
        if is_own(case, listener.address) or listener.address in told:
            continue
        told.add(listener.address)
        key = _key_of(case, listener.address)
        yield Diagnosis(
            "address-not-here",
            f"{listener.name} is to be reached at {listener.address}, which is no address of this host",
            listener.name,
            _own_evidence(case, listener.address),
            (
                Remedy("give the address to an interface of this host, or see why it has it no more", "ip address"),
                Remedy(f"or write an address that it has, at {key}", on="the environment file"),
            ),
            explains=frozenset(
                area
                for one in case.plan.listeners
                if one.address == listener.address
                for area in {*of_listener(one.name), *({"orthanc"} if not in_containers(case) else ())}
            ),
        )
    for name in case.site.certificates.names:
        if not is_ip(name) or is_own(case, name) or name in told or _reached_through_another(case):
            continue
        yield Diagnosis(
            "address-not-here",
            f"{name}, by which callers reach this site, is no address of this host",
            "this site",
            _own_evidence(case, name),
            (
                Remedy("write the address that this host has, at certificates.names", on="the environment file"),
                Remedy("then make its certificates anew", f"orthancgen deploy {env(case)}"),
                Remedy("and tell the modalities the address", f"orthancgen sheet {env(case)}"),
            ),
        )


def _own_evidence(case: Case, address: str) -> tuple[Evidence, ...]:
    own = sorted(one for one in own_addresses(case) if not one.startswith("fe80"))
    return (Evidence(f"not {address}, but {', '.join(own)}", "addresses of this host"),)


def _key_of(case: Case, address: str) -> str:
    site = case.site
    if address == site.dicom.published_on:
        return "dicom.published_on"
    return "http.listen_on" if address == site.http.listen_on else "backend.listen_on"


def _reached_through_another(case: Case) -> bool:
    """Whether callers call something in front of this host: a router of another network, a proxy."""
    network = case.site.network
    return network.profile != "lan" or network.callers_arrive in {"by_tcp_proxy", "by_source_nat"}


QUESTIONS: Final = (
    Question(
        "addresses-here", "Has this host the addresses at which the site is reached?", "host", _not_here,
        ("address-not-here",), applies=on_this_host,
    ),
    Question("names-known", "Are the names known?", "way_in", _unknown, ("name-unknown",)),
    Question(
        "names-lead-here", "Do the names of the site lead here?", "way_in", _elsewhere, ("name-leads-elsewhere",),
        applies=on_this_host,
    ),
)  # fmt: skip
