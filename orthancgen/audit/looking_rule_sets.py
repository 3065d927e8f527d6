"""Firewalls as they act together: what their files let in, from where, and what of it is Orthanc's or a database's."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

from orthancgen.audit.looking_containers import is_loopback
from orthancgen.audit.looking_settings import number, serving_dicom, serving_http
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import ComposeService, Filter, FirewallFile, FirewallKind, PublishedPort
from orthancgen.orthanc.admission.configuration import UnusableError

Family = Literal[4, 6]
CLOUDS: Final[frozenset[FirewallKind]] = frozenset({"aws", "google_cloud", "azure"})
"""They deny by default, keep state, and stand in front of the host."""
HOSTS: Final[frozenset[FirewallKind]] = frozenset({"nftables", "iptables", "ip6tables", "ufw", "firewalld"})
"""Packet filters of Linux."""
_ANYONE: Final = frozenset({"any", "*", "internet", "0.0.0.0", "::"})  # noqa: S104  what rule files write for it
_WIDEST: Final[Mapping[int, int]] = {4: 7, 6: 3}
"""Prefix lengths up to which a network is as good as the whole Internet; 10.0.0.0/8 and fc00::/7 are not."""
_USUAL: Final[Mapping[int, str]] = {
    104: "DICOM",
    2762: "DICOM",
    4242: "DICOM",
    11112: "DICOM",
    8042: "Orthanc's HTTP",
    5432: "PostgreSQL",
    27017: "MongoDB",
}
"""https://www.iana.org/assignments/service-names-port-numbers, and Orthanc's own defaults."""
_ROLES: Final = {"mongo": "MongoDB", "postgres": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Firewall:
    """The files of one firewall: those of one kind in one folder. ``iptables`` has those of ip6tables too."""

    kind: FirewallKind
    files: tuple[FirewallFile, ...]

    @property
    def families(self) -> frozenset[Family]:
        """Which of IPv4 and IPv6 its rules cover."""
        return frozenset(family for file in self.files for family in file.families)

    @property
    def filters(self) -> tuple[Filter, ...]:
        """Every filter."""
        return tuple(one for file in self.files for one in file.filters)

    def open_families(self) -> tuple[Family, ...]:
        """The families of which programs of the host are reached by whatever no filter lets in."""
        return self._without(lambda file: file.drops_by_default)

    def deaf_families(self) -> tuple[Family, ...]:
        """The families that are denied by default and whose answers to connections of the host are denied too."""
        open_ones = self.open_families()
        return tuple(one for one in self._without(lambda file: file.lets_answers_in) if one not in open_ones)

    def _without(self, has: Callable[[FirewallFile], bool]) -> tuple[Family, ...]:
        missing = (
            family for family in self.families if not any(has(file) for file in self.files if family in file.families)
        )
        return tuple(sorted(missing))

    @property
    def guards_containers_alone(self) -> bool:
        """Whether its files say nothing of programs of the host, and so let nothing in to them."""
        return any(file.guards_forwarded for file in self.files) and not any(
            one.hook == "input" for one in self.filters
        )


def firewalls(subject: Subject) -> tuple[Firewall, ...]:
    """The firewalls of a target."""
    groups: dict[tuple[str, FirewallKind], list[FirewallFile]] = {}
    for file in subject.target.firewalls:
        kind: FirewallKind = "iptables" if file.kind == "ip6tables" else file.kind
        groups.setdefault((str(PurePosixPath(file.file).parent), kind), []).append(file)
    return tuple(Firewall(kind, tuple(files)) for (_, kind), files in groups.items())


def host_firewalls(subject: Subject) -> tuple[Firewall, ...]:
    """Those that are packet filters of a Linux host."""
    return tuple(one for one in firewalls(subject) if one.kind in HOSTS)


def lets_in_anyone(source: str) -> bool:
    """Whether a source of a filter is everybody, or a network that is as good as that."""
    text = source.strip().lower()
    if text in _ANYONE:
        return True
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return network.prefixlen <= _WIDEST[network.version]


def concerns(one: Filter, port: int) -> bool:
    """Whether a filter lets in to a port; one without ports lets in to all."""
    return not one.ports or any(first <= port <= last for first, last in one.ports)


def services_of(subject: Subject) -> dict[int, str]:
    """Ports of the host behind which Orthanc or a database may be, and what is there."""
    found = dict(_USUAL)
    for orthanc in serving_dicom(subject):
        found[number(orthanc, "DicomPort") or 4242] = "DICOM"
    for orthanc in serving_http(subject):
        found[number(orthanc, "HttpPort") or 8042] = "Orthanc's HTTP"
    for _, service in subject.services:
        for port in service.ports:
            what = _ROLES.get(service.role) or (found.get(port.container_port) if service.role == "orthanc" else None)
            if what and port.host_port is not None:
                found[port.host_port] = what
    return found


def needs_certificate(subject: Subject, port: int) -> bool:
    """Whether what a port of the host leads to is DICOM over TLS that asks every caller for a certificate."""
    return any(_asks(orthanc) for orthanc in serving_dicom(subject) if port in dicom_ports(subject, orthanc))


def _asks(orthanc: Orthanc) -> bool:
    try:
        return orthanc.flag("DicomTlsEnabled") and orthanc.access.certificate_required
    except UnusableError:
        return False


def dicom_ports(subject: Subject, orthanc: Orthanc) -> set[int]:
    """Ports of the host by which an Orthanc is reached by DICOM."""
    own, service = number(orthanc, "DicomPort") or 4242, subject.service_of(orthanc)
    published = service.ports if service is not None else ()
    return {own, *(port.host_port for port in published if port.container_port == own and port.host_port is not None)}


def guarded(subject: Subject, port: PublishedPort) -> bool:
    """Whether a firewall of the target stands in front of a published port of a container and names it.

    A cloud's firewall stands in front of every one.
    """
    ports = {one for one in (port.host_port, port.container_port) if one is not None}
    for file in subject.target.firewalls:
        if file.kind in CLOUDS:
            return True
        if file.guards_forwarded and any(
            one.hook != "input" and one.ports and concerns(one, number_) for one in file.filters for number_ in ports
        ):
            return True
    return False


def published_to_others(subject: Subject) -> Iterator[tuple[ComposeService, PublishedPort]]:
    """Every published port that other hosts may call, but those of UDP: nothing of Orthanc is there."""
    for _, service in subject.services:
        for port in service.ports:
            if not is_loopback(port) and port.protocol != "udp":
                yield service, port


def spoken(families: tuple[Family, ...]) -> str:
    """Families in words."""
    return " and ".join(f"IPv{family}" for family in families)
