"""The REST API crosses the network unencrypted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_http import Reach, Way, ways
from orthancgen.audit.looking_settings import serving_http
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every port on which other hosts reach an Orthanc itself, without TLS.

    What a proxy does with TLS is another rule's, and so is the port that was left open beside a proxy of this host.
    """
    for orthanc in serving_http(subject):
        all_ways = ways(subject, orthanc)
        behind_tls = any(way.kind == "proxy" and way.encrypted for way in all_ways)
        for way in all_ways:
            if way.encrypted or way.reach is not Reach.NETWORK or not _is_its_own(way, behind_tls):
                continue
            yield Hit(
                f"{orthanc.part.name}: {way.words} speaks HTTP without TLS to other hosts",
                way.mark,
                way.path,
                hint=_HINT if way.kind == "own" else None,
            )


def _is_its_own(way: Way, behind_tls: bool) -> bool:
    return way.kind == "published" or (way.kind == "own" and not behind_tls)


_HINT: Final = (
    "Set SslEnabled to true with SslCertificate, or bind Orthanc to 127.0.0.1 by HttpBindAddresses and put a proxy "
    "with TLS in front."
)
RULE: Final = Rule(
    id="http-without-tls",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="The REST API is reached over the network without encryption",
    why="Names, passwords and images are read, and changed, by whoever is on the way. Orthanc's login sends the "
    "password with every request.",
    remedy="Publish the port on 127.0.0.1 alone and put a proxy with TLS in front, or set SslEnabled to true with a "
    "certificate.",
    references=(
        orthanc_book("faq/https", "HTTPS encryption with Orthanc"),
        hipaa("(e)(2)(ii)"),
        nist_pacs("PR.DS-2"),
    ),
    find=find,
)
