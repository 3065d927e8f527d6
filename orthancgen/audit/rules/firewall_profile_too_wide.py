"""A rule of the Windows firewall that also holds in networks of others."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_rule_sets import lets_in_anyone
from orthancgen.audit.references import nist_pacs, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable

_WIDE: Final = frozenset({"any", "public", ""})


def find(subject: Subject) -> Iterator[Hit]:
    """Every filter of Windows for each profile or the public one, and every one with edge traversal.

    In our own rules that is meant: a server's profile changes by itself, and each of them names its sources.
    """
    if subject.plan is not None:
        return
    for file in subject.target.firewalls:
        for one in file.filters if file.kind == "windows" else ():
            wide = [profile for profile in one.profiles or ("any",) if profile.lower() in _WIDE]
            faults = (
                [f"holds for the profile {printable(wide[0] or 'any')}, also in networks of others"] if wide else []
            )
            faults += ["lets in what comes through a tunnel from the Internet (edge traversal)"] if one.edge else []
            if faults:
                name = f"the rule {printable(one.description)}" if one.description else "the rule"
                severity = Severity.LOW if not one.edge and all(_is_named(source) for source in one.sources) else None
                yield Hit(f"{name} {' and '.join(faults)}", one.mark, one.path, severity=severity)


def _is_named(source: str) -> bool:
    """Whether a source is addresses of one's own: then who is let in elsewhere must have one of them."""
    try:
        ipaddress.ip_network(source, strict=False)
    except ValueError:
        return False
    return not lets_in_anyone(source)


RULE: Final = Rule(
    id="firewall-profile-too-wide",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A rule of the Windows firewall holds in every network",
    why="A laptop with an Orthanc, or a server whose network was not recognised after a restart, is open in a hotel as "
    "it is in the hospital.",
    remedy="Write `profile=domain`, or `domain,private`, and `edge=no`.",
    references=(
        page(
            "Windows Firewall: profiles",
            "https://learn.microsoft.com/windows/security/operating-system-security/network-security/windows-firewall/",
        ),
        nist_pacs("PR.AC-5"),
    ),
    find=find,
)
