"""Orthanc's own web page can be opened from the Internet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_firewalls import filters_of, lets_in_the_world, shown
from orthancgen.audit.looking_hosts import is_every_address, is_public
from orthancgen.audit.looking_http import Reach, Way, ways
from orthancgen.audit.looking_settings import holds, serving_http, set_to
from orthancgen.audit.references import nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable

_KEY: Final = "OrthancExplorerEnabled"


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc with its page on, that something in the set-up opens to the Internet."""
    for orthanc in serving_http(subject):
        if orthanc.knows(_KEY) and not orthanc.flag(_KEY):
            continue
        reason = next((why for way in ways(subject, orthanc) if (why := _exposed(subject, way))), "")
        if reason:
            yield Hit(
                f"{holds(orthanc, _KEY)}, and {reason}",
                *orthanc.place(_KEY),
                fix=set_to(subject, orthanc, _KEY, False) if orthanc.knows(_KEY) else None,
            )


def _exposed(subject: Subject, way: Way) -> str:
    if way.reach is not Reach.NETWORK:
        return ""
    if way.address and not is_every_address(way.address) and is_public(way.address):
        return f"port {way.port} is on {printable(way.address)}, an address of the Internet"
    for firewall, one in filters_of(subject, way.port, published=way.kind == "published"):
        if lets_in_the_world(one):
            return shown(firewall, one, way.port)
    plan = subject.plan
    if plan is not None and plan.site.network.profile == "cloud" and not plan.site.network.allowed_sources:
        return f"port {way.port} of a rented machine is open to every address"
    return ""


RULE: Final = Rule(
    id="web-page-exposed",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="Orthanc's web page is open to the Internet",
    why="The page is made for administrators inside: it deletes with one click, has no protection against requests "
    "forged by other sites (CSRF), and tells whoever searches for it that this is an Orthanc.",
    remedy="Set OrthancExplorerEnabled to false, and give readers an application of their own in front.",
    references=(orthanc_book("faq/security", "Securing the HTTP server"), nist_pacs("PR.AC-3")),
    find=find,
)
