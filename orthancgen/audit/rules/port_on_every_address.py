"""A port that is published wherever the host can be reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.audit.looking_containers import DATABASES, is_everywhere, shown_port
from orthancgen.audit.looking_rule_sets import guarded
from orthancgen.audit.references import cis_docker, nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ServiceRole
from orthancgen.site.problems import printable

_SEVERITIES: Final[Mapping[ServiceRole, Severity]] = {
    "orthanc": Severity.HIGH,
    "backend": Severity.HIGH,
    "proxy": Severity.LOW,  # it is there to be reached
}


def find(subject: Subject) -> Iterator[Hit]:
    """Every such port that no firewall guards; ports of databases are another rule's."""
    for _, service in subject.services:
        for port in service.ports:
            if service.role in DATABASES or not is_everywhere(port) or port.protocol == "udp":
                continue
            if guarded(subject, port):
                continue
            what = f"{printable(service.name)} publishes {shown_port(port)}"
            if port.container_port != port.host_port:
                what += f" (its own {port.container_port})"
            severity = _SEVERITIES.get(service.role, Severity.MEDIUM)
            where = "every IPv4 address" if port.host_address == "0.0.0.0" else "every address"  # noqa: S104
            yield Hit(f"{what} on {where} of the host", port.mark, port.path, severity=severity)


RULE: Final = Rule(
    id="port-on-every-address",
    severity=Severity.HIGH,
    confidence="likely",
    title="A port is published on every address of the host",
    why="It is open on networks that nobody thought of, a second interface, a VPN, the Internet, and the host's usual "
    "firewall does not filter it: the engine redirects it before.",
    remedy='Publish it on the address on which it is wanted, such as `"192.168.10.5:2762:2762"`; for programs of '
    'the host alone, `"127.0.0.1:8042:8042"`.',
    references=(cis_docker("5.14"), nist_pacs("PR.AC-5")),
    find=find,
)
