"""Whom a firewall lets in, against whom it should: the environment's policy, or Orthanc's own list of modalities."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from orthancgen.audit.looking_rule_sets import CLOUDS, Firewall, concerns, dicom_ports, lets_in_anyone
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.firewall.policy import policy
from orthancgen.foreign.model import Filter
from orthancgen.orthanc.admission.configuration import UnusableError
from orthancgen.plan.model import Plan
from orthancgen.site.problems import KeyPath, Mark, printable

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Way = tuple[str, str, int, int]
"""Hook (`any` where it does not matter), source, first and last port."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Somebody who is let in and should not be, or the other way round; in words, and where."""

    words: str
    mark: Mark
    path: KeyPath = ()


def from_environment(plan: Plan, firewall: Firewall) -> Iterator[Difference]:
    """Where a firewall is not what an environment's policy says."""
    everywhere = firewall.kind in CLOUDS or firewall.kind == "windows"
    expected = {
        ("any" if everywhere else one.hook, one.source, one.port, one.port): one.label
        for one in policy(plan).filters
        if one.protocol == "tcp" and one.family in firewall.families
    }
    found = _ways(firewall, everywhere=everywhere)
    for way, one in found.items():
        if way not in expected:
            words = f"{_shown(way)} is let in, and nothing in the environment asks for it"
            yield Difference(words, one.mark, one.path)
    for way, label in expected.items():
        if way not in found:
            words = f"{_shown(way)} is not let in ({printable(label)})"
            yield Difference(words, Mark(firewall.files[0].file, 1, 1, 1))


def _ways(firewall: Firewall, *, everywhere: bool) -> dict[_Way, Filter]:
    found: dict[_Way, Filter] = {}
    for one in firewall.filters:
        for source in one.sources:
            for network in _families(source, firewall):
                for first, last in one.ports or ((0, 65535),):
                    found[("any" if everywhere else one.hook, network, first, last)] = one
    return found


def _families(source: str, firewall: Firewall) -> Iterator[str]:
    if source == "any":
        yield from (everyone for family, everyone in ((4, "0.0.0.0/0"), (6, "::/0")) if family in firewall.families)
    else:
        network = _network(source)
        yield source if network is None else str(network)


def _network(source: str) -> _Network | None:
    try:
        return ipaddress.ip_network(source, strict=False)
    except ValueError:
        return None


def _shown(way: _Way) -> str:
    _, source, first, last = way
    ports = f"port {first}" if first == last else f"ports {first} to {last}"
    return f"{printable(source)} to {ports}"


def from_modalities(subject: Subject, orthanc: Orthanc, firewall: Firewall) -> Iterator[Difference]:
    """Where a firewall names who may call by DICOM: modalities that it forgot, and single hosts that are none.

    Nothing where it lets in everybody, or somebody by a name or a set, of whom it is not known who that is.
    """
    ports = dicom_ports(subject, orthanc)
    filters = [one for one in firewall.filters if one.ports and any(concerns(one, port) for port in ports)]
    let_in: list[tuple[Filter, _Network]] = []
    for one in filters:
        for source in one.sources:
            network = _network(source)
            if network is None or lets_in_anyone(source):
                return
            let_in.append((one, network))
    hosts = dict(_hosts(orthanc)) if let_in else {}
    for address, name in hosts.items():
        if address.version in firewall.families and not any(address in network for _, network in let_in):
            words = f"the modality {name} at {address} may call Orthanc, and the firewall does not let it in"
            yield Difference(words, filters[0].mark, filters[0].path)
    for one, network in let_in:
        if network.num_addresses == 1 and hosts and network.network_address not in hosts:
            words = f"{network.network_address} is let in to DICOM, and no modality has that address"
            yield Difference(words, one.mark, one.path)


def _hosts(orthanc: Orthanc) -> Iterator[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, str]]:
    """Addresses of the modalities that may do anything at all."""
    try:
        for modality in orthanc.access.modalities:
            if any(modality.allows(command) for command in ("echo", "store", "find", "get", "move")):
                network = _network(modality.host)
                if network is not None and network.num_addresses == 1 and not network.is_loopback:
                    yield network.network_address, printable(modality.name)
    except UnusableError:
        return
