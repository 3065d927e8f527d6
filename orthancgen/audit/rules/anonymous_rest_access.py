"""Somebody on another host may use the REST API without a login."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_http import Reach, ways
from orthancgen.audit.looking_logins import asks_login
from orthancgen.audit.looking_settings import holds, serving_http, set_to
from orthancgen.audit.references import cve, hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_HOW_BAD: Final = {
    Reach.NETWORK: (Severity.CRITICAL, "whoever reaches {way}"),
    Reach.CONTAINERS: (Severity.HIGH, "every container of its networks"),
    Reach.THIS_HOST: (Severity.MEDIUM, "every program of this host"),
}


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that answers others than this host, and asks nobody who they are."""
    for orthanc in serving_http(subject):
        if asks_login(orthanc) or not orthanc.remote:
            continue
        found = [way for way in ways(subject, orthanc) if not way.asks_login]
        if not found:
            continue
        farthest = max(found, key=lambda way: way.reach)
        severity, who = _HOW_BAD[farthest.reach]
        said = "AuthenticationEnabled" if orthanc.is_set("AuthenticationEnabled") else "RemoteAccessAllowed"
        why = (
            holds(orthanc, "AuthenticationEnabled")
            if orthanc.is_set("AuthenticationEnabled") or orthanc.authentication
            else f"AuthenticationEnabled is not set, and Orthanc {orthanc.version} then asks for no login"
        )
        yield Hit(
            f"{why}: {who.format(way=farthest.words)} may read, change and delete every image of {orthanc.part.name}",
            *orthanc.place(said),
            severity=severity,
            fix=set_to(subject, orthanc, "AuthenticationEnabled", True),
        )


RULE: Final = Rule(
    id="anonymous-rest-access",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="The REST API asks nobody for a login",
    why="Whoever reaches the port reads, changes and deletes all images by a web browser. Hundreds of such servers "
    "were found open on the Internet.",
    remedy="Set AuthenticationEnabled to true and register users under RegisteredUsers, in a file that only Orthanc "
    "may read.",
    references=(
        orthanc_book("faq/security", "Securing the HTTP server"),
        cve("CVE-2025-0896"),
        hipaa("(a)(1)"),
        hipaa("(d)"),
        nist_pacs("PR.AC-7"),
    ),
    find=find,
)
