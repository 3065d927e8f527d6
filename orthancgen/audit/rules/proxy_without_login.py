"""A proxy that opens an Orthanc which takes every caller for somebody of this host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_http import Reach, ways
from orthancgen.audit.looking_logins import asks_login
from orthancgen.audit.looking_nginx import is_limited
from orthancgen.audit.looking_settings import serving_http
from orthancgen.audit.looking_web_proxies import passages
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.site.problems import Mark, printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every such proxy. Where Orthanc itself answers other hosts without a login, that is another rule's."""
    for orthanc in serving_http(subject):
        if orthanc.remote or asks_login(orthanc):
            continue
        limited = _limited(subject, orthanc)
        for way in ways(subject, orthanc):
            if way.kind != "proxy" or way.reach is not Reach.NETWORK or way.asks_login:
                continue
            message = (
                f"{way.words} asks for no login, and for {printable(orthanc.part.name)} it is a program of this host, "
                "which needs none"
            )
            yield Hit(message, way.mark, way.path, severity=Severity.HIGH if way.mark in limited else None)


def _limited(subject: Subject, orthanc: Orthanc) -> set[Mark]:
    """Sockets behind which nginx looks at addresses everywhere."""
    found: dict[Mark, bool] = {}
    for passage in passages(subject, orthanc):
        for listen in passage.listens:
            mark = listen.directive.mark
            found[mark] = found.get(mark, True) and is_limited(passage.through[:-1])
    return {mark for mark, limited in found.items() if limited}


RULE: Final = Rule(
    id="proxy-without-login",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A proxy opens an Orthanc that asks for no login",
    why="With RemoteAccessAllowed false Orthanc answers this host alone, and asks it for nothing; the proxy is on this "
    "host, so that everybody reads, changes and deletes all images through it.",
    remedy="Set AuthenticationEnabled to true and register users, or let nginx ask (`auth_basic`, `auth_request`, "
    "`ssl_verify_client on`).",
    references=(orthanc_book("faq/nginx"), orthanc_book("faq/security"), hipaa("(a)(1)"), nist_pacs("PR.AC-7")),
    find=find,
)
