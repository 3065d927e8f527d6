"""Rules of a firewall that are not what the environment, or Orthanc's own list of modalities, says."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_rule_sets import CLOUDS, Firewall, concerns, dicom_ports, firewalls, lets_in_anyone
from orthancgen.audit.looking_settings import serving_dicom
from orthancgen.audit.references import nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.firewall.policy import policy
from orthancgen.foreign.model import Filter
from orthancgen.orthanc.admission.configuration import UnusableError
from orthancgen.plan.model import Plan
from orthancgen.site.problems import Mark, printable

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Way = tuple[str, str, int, int]
"""Hook (`any` where it does not matter), source, first and last port."""


def find(subject: Subject) -> Iterator[Hit]:
    """Sources that nobody asked for, and those that are missing; of other people's files, those of DICOM alone."""
    for firewall in firewalls(subject):
        if subject.plan is not None:
            yield from _of_environment(subject.plan, firewall)
            continue
        for orthanc in serving_dicom(subject):
            yield from _of_modalities(subject, orthanc, firewall)


def _of_environment(plan: Plan, firewall: Firewall) -> Iterator[Hit]:
    everywhere = firewall.kind in CLOUDS or firewall.kind == "windows"
    expected = {
        ("any" if everywhere else one.hook, one.source, one.port, one.port): one.label
        for one in policy(plan).filters
        if one.protocol == "tcp" and one.family in firewall.families
    }
    found = _ways(firewall, everywhere=everywhere)
    for way, one in found.items():
        if way not in expected:
            yield Hit(f"{_shown(way)} is let in, and nothing in the environment asks for it", one.mark, one.path)
    for way, label in expected.items():
        if way not in found:
            yield Hit(f"{_shown(way)} is not let in ({printable(label)})", Mark(firewall.files[0].file, 1, 1, 1))


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


def _of_modalities(subject: Subject, orthanc: Orthanc, firewall: Firewall) -> Iterator[Hit]:
    """Where a firewall names who may call by DICOM: modalities that it forgot, and single hosts that are none."""
    ports = dicom_ports(subject, orthanc)
    filters = [one for one in firewall.filters if one.ports and any(concerns(one, port) for port in ports)]
    let_in = [(one, source) for one in filters for source in one.sources]
    if not filters or any(lets_in_anyone(source) or _network(source) is None for _, source in let_in):
        return
    hosts = dict(_hosts(orthanc))
    for address, name in hosts.items():
        if address.version in firewall.families and not any(address in _known(source) for _, source in let_in):
            message = f"the modality {name} at {address} may call Orthanc, and the firewall does not let it in"
            yield Hit(message, filters[0].mark, filters[0].path)
    for one, source in let_in:
        network = _known(source)
        if network.num_addresses == 1 and hosts and network.network_address not in hosts:
            message = f"{network.network_address} is let in to DICOM, and no modality has that address"
            yield Hit(message, one.mark, one.path)


def _known(source: str) -> _Network:
    network = _network(source)
    assert network is not None  # noqa: S101  asked before
    return network


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


RULE: Final = Rule(
    id="firewall-differs-from-model",
    severity=Severity.HIGH,
    confidence="likely",
    title="A firewall lets in others than those who may call",
    why="What was reviewed and what is loaded are two things: somebody is let in whom nobody asked for, or a modality "
    "is locked out and its images wait.",
    remedy="Bring the two together; for an environment change that instead of the rules, and write them anew with "
    "`orthancgen render`.",
    references=(nist_pacs("PR.IP-3"), nist_pacs("PR.AC-5")),
    find=find,
)
