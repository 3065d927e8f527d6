"""Records that cross a network in the clear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qs, urlsplit

from orthancgen.audit.looking_hosts import is_this_host, names_of, stays_on_host
from orthancgen.audit.references import hipaa, mongodb, nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import ComposeFile, ComposeService
from orthancgen.site.problems import printable

_URL: Final = re.compile(r"^(mongodb|postgres|postgresql)://\S{1,4000}$")
_ENCRYPTED: Final = {"tls": {"true"}, "ssl": {"true"}, "sslmode": {"require", "verify-ca", "verify-full"}}


def find(subject: Subject) -> Iterator[Hit]:
    """Every address of a database on another host without TLS, in a variable or in Orthanc's own configuration."""
    for compose, service in subject.services:
        yield from _variables(compose, service)
    for orthanc in subject.orthancs:
        yield from _index(subject, orthanc)


def _variables(compose: ComposeFile, service: ComposeService) -> Iterator[Hit]:
    for value in service.environment.values():
        text = (value.value or "").strip()
        if not _URL.match(text) or _is_encrypted(text):
            continue
        far = [host for host in _hosts(text) if not is_this_host(host) and not _is_beside(compose, host)]
        if far:
            name, variable = printable(service.name), printable(value.name)
            message = f"{name} calls the database on {printable(far[0])} without TLS ({variable})"
            yield Hit(message, value.mark, value.path)


def _hosts(url: str) -> list[str]:
    hosts = url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]
    named = [host.rpartition(":")[0] if re.search(r":\d+$", host) else host for host in hosts.split(",")]
    return [host for host in named if host and "$" not in host]


def _is_encrypted(url: str) -> bool:
    try:
        options = parse_qs(urlsplit(url).query)
    except ValueError:
        return False
    return any(wanted & {text.lower() for text in options.get(name, ())} for name, wanted in _ENCRYPTED.items())


def _is_beside(compose: ComposeFile, host: str) -> bool:
    return any(host.lower() in names_of(other) for other in compose.services.values())


def _index(subject: Subject, orthanc: Orthanc) -> Iterator[Hit]:
    section = orthanc.values.get("PostgreSQL")
    if not isinstance(section, dict) or section.get("EnableSsl") is True:
        return
    uri, host = section.get("ConnectionUri"), section.get("Host", "localhost")
    if isinstance(uri, str) and uri:
        far = (
            ""
            if _is_encrypted(uri)
            else next((one for one in _hosts(uri) if not stays_on_host(subject, orthanc, one)), "")
        )
        key = "ConnectionUri"
    else:
        far, key = ("" if not isinstance(host, str) or stays_on_host(subject, orthanc, host) else host), "Host"
    if far:
        mark, path = orthanc.place("PostgreSQL", key)
        yield Hit(f"Orthanc keeps its index in the database on {printable(far)} without TLS", mark, path)


RULE: Final = Rule(
    id="database-without-tls",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A database on another host is called without TLS",
    why="Whoever is on the way reads patients' records and the login, and can change what comes back.",
    remedy="Add `?tls=true` (MongoDB) or `?sslmode=verify-full&sslrootcert=FILE` (PostgreSQL), for Orthanc's index in "
    "its `ConnectionUri`: `EnableSsl: true` alone takes any certificate.",
    references=(mongodb("Encrypt Communication (TLS/SSL)"), hipaa("(e)(1)"), nist_pacs("PR.DS-2")),
    find=find,
)
