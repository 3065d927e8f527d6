"""A proxy that logs everybody in as one user."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_nginx import every
from orthancgen.audit.looking_settings import serving_http
from orthancgen.audit.looking_web_proxies import passages
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Directive

_SETS: Final = frozenset({"proxy_set_header", "grpc_set_header", "more_set_input_headers"})


def find(subject: Subject) -> Iterator[Hit]:
    """Every literal Authorization header that nginx adds."""
    asked = _behind_a_login(subject)
    for proxy in subject.target.proxies:
        for one in every(proxy.directives):
            if _adds_login(one):
                if one.mark in asked:
                    message, severity = (
                        "whoever has a login of nginx is one and the same user for Orthanc",
                        Severity.HIGH,
                    )
                else:
                    message, severity = "whoever calls nginx is logged in to Orthanc, without a password", None
                yield Hit(f"{message}; and that user's login stands in this file", one.mark, severity=severity)


def _adds_login(one: Directive) -> bool:
    words = " ".join(one.arguments).replace(":", " ").split()
    return (
        one.name in _SETS
        and len(words) > 2
        and words[0].lower() == "authorization"
        and words[1].lower() in {"basic", "bearer"}
        and "$" not in words[2]
    )


def _behind_a_login(subject: Subject) -> set[object]:
    """Places of headers that are added for those alone who logged in to nginx."""
    found: dict[object, bool] = {}
    for orthanc in serving_http(subject):
        for passage in passages(subject, orthanc):
            for around in passage.through[:-1]:
                for one in around.block:
                    if _adds_login(one):
                        found[one.mark] = found.get(one.mark, True) and passage.asks_login
    return {mark for mark, asks in found.items() if asks}


RULE: Final = Rule(
    id="proxy-injects-login",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A proxy logs everybody in to Orthanc",
    why="Orthanc's login protects nothing any more, its log names one user for everybody, and whoever reads the file "
    "has that user's password.",
    remedy="Remove the header, so that Orthanc asks each user; or let nginx ask (`auth_request`) and give each its own "
    "user of Orthanc.",
    references=(orthanc_book("faq/nginx"), hipaa("(a)(2)(i)"), hipaa("(d)"), nist_pacs("PR.AC-7")),
    find=find,
)
