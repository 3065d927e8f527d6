"""A firewall that lets everybody in to Orthanc or a database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_rule_sets import concerns, lets_in_anyone, needs_certificate, services_of
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Filter
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every filter with such a source and such a port."""
    services = services_of(subject)
    for file in subject.target.firewalls:
        for one in file.filters:
            wide = [source for source in one.sources if lets_in_anyone(source)]
            ports = sorted(port for port in services if concerns(one, port))
            if wide and ports:
                severity = (
                    Severity.HIGH if all(needs_certificate(subject, port) for port in ports) else Severity.CRITICAL
                )
                yield Hit(_message(one, wide[0], ports, services), one.mark, one.path, severity=severity)


def _message(one: Filter, source: str, ports: list[int], services: dict[int, str]) -> str:
    who = "everybody" if source in {"any", "*", "0.0.0.0/0", "::/0"} else printable(source)
    if not one.ports:
        return f"{who} is let in to every port"
    shown = ", ".join(f"{port} ({services[port]})" for port in ports[:4])
    more = f" and {len(ports) - 4} more" if len(ports) > 4 else ""
    return f"{who} is let in to {shown}{more}"


RULE: Final = Rule(
    id="firewall-open-to-the-world",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A firewall lets everybody in to Orthanc or a database",
    why="Scanners find an open DICOM or REST port within hours; AE titles are no secret and no proof of who calls, so "
    "that images are read and sent by anybody.",
    remedy="Name the modalities and the networks of the users as sources, and let remote ones come by VPN.",
    references=(nist_pacs("PR.AC-5"), orthanc_book("faq/security"), hipaa("(a)(1)")),
    find=find,
)
