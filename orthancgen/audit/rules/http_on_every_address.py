"""A proxy with TLS is in front, and Orthanc's own port can be reached beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_http import Reach, ways
from orthancgen.audit.looking_settings import holds, serving_http
from orthancgen.audit.references import nist_pacs, orthanc_book, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "HttpBindAddresses"


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc on the host itself, behind a proxy, whose port other hosts reach."""
    for orthanc in serving_http(subject):
        all_ways = ways(subject, orthanc)
        proxied = [way for way in all_ways if way.kind == "proxy"]
        beside = [way for way in all_ways if way.kind == "own" and way.reach is Reach.NETWORK]
        if not proxied or not beside:
            continue
        known = orthanc.knows(_KEY)
        said = orthanc.is_set(_KEY)
        what = holds(orthanc, _KEY) if said else f"Orthanc {orthanc.version} listens on every address"
        key = _KEY if known else "RemoteAccessAllowed"
        yield Hit(
            f"{what}: {beside[0].words} is reached from other hosts, past the proxy in {proxied[0].mark.file}",
            *orthanc.place(key),
            hint=None if known else "Set RemoteAccessAllowed to false: then only this host, the proxy, is let in.",
        )


RULE: Final = Rule(
    id="http-on-every-address",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="Orthanc's port is reached past the proxy in front of it",
    why="Whatever the proxy enforces, TLS, its login, its limits and its log, does not hold for who calls the port "
    "itself.",
    remedy='Set HttpBindAddresses to ["127.0.0.1"], so that only the proxy reaches Orthanc.',
    references=(
        orthanc_book("faq/security", "Securing the HTTP server"),
        orthanc_source("NEWS"),
        nist_pacs("PR.AC-5"),
    ),
    find=find,
)
