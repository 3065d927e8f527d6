"""From where the DICOM port of an Orthanc is reached, and what its modalities are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.audit.looking_firewalls import filters_of, is_closed, lets_in_the_world, shown
from orthancgen.audit.looking_hosts import is_every_address, is_public, is_this_host
from orthancgen.audit.looking_http import Reach, published, shares_network_of_host
from orthancgen.audit.looking_settings import number
from orthancgen.audit.rule import Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.orthanc.admission.configuration import ALLOW, ALWAYS, Access, Command, UnusableError
from orthancgen.site.problems import KeyPath, Mark, printable

DEFAULT_PORT: Final = 4242
_ARRAY: Final = {"AET": 0, "Host": 1, "Port": 2, "Manufacturer": 3}


@dataclass(frozen=True, slots=True)
class Door:
    """A port of the host, or of the container, that leads to an Orthanc's DICOM server."""

    reach: Reach
    address: str
    port: int
    published: bool
    mark: Mark
    path: KeyPath


def doors(subject: Subject, orthanc: Orthanc) -> tuple[Door, ...]:
    """Every way to an Orthanc's DICOM server; none where it is off."""
    if not orthanc.flag("DicomServerEnabled"):
        return ()
    port = number(orthanc, "DicomPort") or DEFAULT_PORT
    mark, path = orthanc.place("DicomPort")
    service = subject.service_of(orthanc)
    if service is None or shares_network_of_host(service):
        near = is_closed(subject, port, published=False)
        return (Door(Reach.THIS_HOST if near else Reach.NETWORK, "", port, False, mark, path),)
    found = [Door(Reach.CONTAINERS, "", port, False, mark, path)]
    for one in published(subject, service, port):
        outside = one.host_port or port
        near = is_this_host(one.host_address) or is_closed(subject, outside, published=True)
        how_far = Reach.THIS_HOST if near else Reach.NETWORK
        found.append(Door(how_far, one.host_address, outside, True, one.mark, one.path))
    return tuple(found)


def reach(subject: Subject, orthanc: Orthanc) -> Reach:
    """The farthest that anybody may be who reaches the DICOM server."""
    return max((door.reach for door in doors(subject, orthanc)), default=Reach.NOBODY)


def at_reach(subject: Subject, orthanc: Orthanc, severity: Severity) -> Severity:
    """How bad it is, given who reaches the DICOM server: little where that is only this host, or containers of it."""
    return severity if reach(subject, orthanc) is Reach.NETWORK else min(severity, Severity.LOW)


def crosses_foreign_lines(subject: Subject, orthanc: Orthanc) -> str:
    """Why DICOM travels over lines that are not the site's own: in words; "" where nothing says so."""
    plan = subject.plan
    if plan is not None and plan.site.network.profile != "lan" and plan.site.network.vpn is None:
        return f"the network's profile is {plan.site.network.profile}"
    for name, entry, _ in orthanc.modalities:
        if isinstance(entry.get("Host"), str) and is_public(entry["Host"]):
            return f"the modality {printable(name)} has the address {printable(entry['Host'])} of the Internet"
    for door in doors(subject, orthanc):
        if door.reach is Reach.NETWORK and not is_every_address(door.address) and is_public(door.address):
            return f"port {door.port} is published on {printable(door.address)}, an address of the Internet"
        for firewall, one in filters_of(subject, door.port, published=door.published):
            if door.reach is Reach.NETWORK and lets_in_the_world(one):
                return shown(firewall, one, door.port)
    return ""


def may(entry: Mapping[str, Any], command: Command) -> bool:
    """Whether an entry of ``DicomModalities`` allows a command; each is allowed by default."""
    return next((entry[key] is not False for key in ALLOW[command] if key in entry), True)


def says(entry: Mapping[str, Any], command: Command) -> bool:
    """Whether an entry of ``DicomModalities`` decides about a command itself."""
    return any(key in entry for key in ALLOW[command])


def open_commands(orthanc: Orthanc) -> tuple[Command, ...]:
    """The commands that everybody may use, in Orthanc's order; what is neither true nor false counts as closed."""
    return tuple(command for command, key in ALWAYS.items() if orthanc.knows(key) and orthanc.flag(key))


def requires_certificate(orthanc: Orthanc) -> bool:
    """Whether a caller must show a certificate of an authority that Orthanc trusts."""
    try:
        return orthanc.flag("DicomTlsEnabled") and orthanc.access.certificate_required
    except UnusableError:
        return False


def someone_may(orthanc: Orthanc, command: Command) -> bool:
    """Whether anybody is let in for a command: everybody, a modality, or one of the database, which is not known."""
    if command in open_commands(orthanc) or orthanc.flag("DicomModalitiesInDatabase"):
        return True
    return any(may(entry, command) for _, entry, _ in orthanc.modalities)


def in_entry(orthanc: Orthanc, name: str, key: str) -> tuple[Mark, KeyPath]:
    """Where a key of a modality stands, in its long form or its short one; else where the modality does."""
    node, depth = orthanc.part.tree.find(("DicomModalities", name))
    if depth == 2 and isinstance(node.value, list) and key in _ARRAY:
        return orthanc.place("DicomModalities", name, _ARRAY[key])
    return orthanc.place("DicomModalities", name, key)


def readable(orthanc: Orthanc) -> Access | None:
    """Orthanc's own reading of admission; None where it does not start with such a configuration."""
    try:
        orthanc.access.check_start()
    except UnusableError:
        return None
    return orthanc.access


def each_modality(orthanc: Orthanc) -> Iterator[tuple[str, Mapping[str, Any], KeyPath]]:
    """The modalities of the configuration, unless Orthanc keeps them in its database and reads none of these."""
    return iter(()) if orthanc.flag("DicomModalitiesInDatabase") else orthanc.modalities
