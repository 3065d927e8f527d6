"""Registered AE titles that call from another address than their own."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Finding, Remedy
from orthancgen.doctor.observe.orthanc_log import Event, evidence, of, own_addresses
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common
from orthancgen.plan.addresses import addresses


def _ask(case: Case) -> Iterable[Finding]:
    """What runs with other addresses than the environment says, is another question's."""
    groups = []
    for (aet, ip), seen in common.grouped(of(case, "address-not-registered", "command-from-wrong-address")).items():
        name = common.named(case, aet)
        if name is not None and str(case.site.modalities[name].address) != ip:
            groups.append((name, ip, seen))
    return common.capped(groups, lambda group: _diagnosis(case, *group), "callers from other addresses")


def _diagnosis(case: Case, name: str, ip: str, seen: list[Event]) -> Diagnosis:
    why, remedies = _why(case, name, ip)
    expected = _expected(case, seen[-1], name)
    return Diagnosis(
        "address-not-registered",
        f"{name} ({case.site.modalities[name].aet}) calls from {ip}, and is registered with {expected}: {why}",
        f"modality {name}",
        evidence(seen),
        tuple(remedies),
    )


def _expected(case: Case, event: Event, name: str) -> str:
    return event.fields.get("host") or str(case.site.modalities[name].address)


def _why(case: Case, name: str, ip: str) -> tuple[str, Iterator[Remedy]]:
    others = common.at_address(case, ip)
    if others:
        return (
            f"that is the address of {', '.join(others)}; a device may use the AE title of another",
            _as_other(case, name, others[0]),
        )
    if case.site.runtime == "compose" and ip == addresses(case.site).host_seen:
        text = (
            "that is the engine's own bridge, by which calls of this host arrive, and all calls where the engine "
            "hides who calls (userland proxy, rootless engine, Docker Desktop)"
        )
        return text, _hidden(case)
    if ip in own_addresses(case) or _is_loopback(ip):
        return "that is this host: somebody tested from here with the AE title of the modality", _from_here(case, name)
    if _near(ip, str(case.site.modalities[name].address)):
        return "both are of one network, so it was given another address (DHCP, or a new device)", _moved(
            case, name, ip
        )
    return (
        "they are of different networks, so a router may translate addresses (NAT), or the device was moved",
        _translated(case, name, ip),
    )


def _as_other(case: Case, name: str, other: str) -> Iterator[Remedy]:
    aet = case.site.modalities[other].aet
    yield common.sheet(case, other, f"if it is {other}: enter {aet} as its own (calling) AE title")
    yield Remedy(f"if it is {name}: give it back its address {case.site.modalities[name].address}", on="the modality")


def _hidden(case: Case) -> Iterator[Remedy]:
    place = common.line_of(case, ("network", "callers_arrive"))
    yield Remedy(
        f"if the modality itself called: say how callers arrive, at {place}: `by_userland_proxy`, `by_rootless_engine` "
        "or `by_docker_desktop`; addresses can then not be checked, and TLS with client certificates takes their place",
        on="the environment file",
    )
    yield Remedy("if somebody tested on this host: test from the modality instead", on="the modality")
    yield common.deploy(case, "after a change of the file: bring it to Orthanc")


def _from_here(case: Case, name: str) -> Iterator[Remedy]:
    yield Remedy(f"test from {name} itself; from this host, test with orthancgen", _verify(case))
    yield Remedy(
        f"if {name} runs on this host: put the address above at "
        f"{common.line_of(case, ('modalities', name, 'address'))}",
        on="the environment file",
    )


def _verify(case: Case) -> str:
    return f"orthancgen verify {common.quote(case.env)}"


def _moved(case: Case, name: str, ip: str) -> Iterator[Remedy]:
    yield common.change(case, name, "address", ip)
    yield common.deploy(case)
    yield Remedy(f"so that it stays: give {name} a fixed address, or a reservation in DHCP", on="the network")


def _translated(case: Case, name: str, ip: str) -> Iterator[Remedy]:
    yield common.change(case, name, "address", ip)
    yield common.deploy(case)
    yield Remedy(
        f"if a router translates addresses, other devices behind it arrive as {ip} too: have it route without NAT, or "
        f"say so at {common.line_of(case, ('network', 'callers_arrive'))}",
        on="the network",
    )


def _near(one: str, other: str) -> bool:
    try:
        first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    except ValueError:
        return False
    if first.version != second.version:
        return False
    network = ipaddress.ip_network(f"{first}/{24 if first.version == 4 else 64}", strict=False)
    return second in network


def _is_loopback(ip: str) -> bool:
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False


QUESTION = Question(
    "caller-addresses", "Do the modalities call from their registered addresses?", "admission", _ask,
    ("address-not-registered",),
    applies=lambda case: case.site.dicom.ae_checks.calling_aet == "registered_from_own_address",
)  # fmt: skip
