"""A script tells another host by HTTP without TLS, or by a URL that gives something away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult

from orthancgen.audit.looking_hosts import address_of, stays_on_host
from orthancgen.audit.looking_scripts import called_urls, each_script
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every call of a script to a URL of another host without TLS, with a login in it, or of a cloud's own services."""
    for orthanc, script in each_script(subject):
        for call, url in called_urls(subject, orthanc, script):
            fault = _fault(subject, orthanc, url)
            if fault:
                yield Hit(f"{call.function} calls {printable(url.hostname or '')}: {fault}", call.mark)


def _fault(subject: Subject, orthanc: Orthanc | None, url: SplitResult) -> str:
    host = url.hostname or ""
    address = address_of(host)
    if address is not None and address.is_link_local:
        return "it is the address at which a cloud hands out its credentials"
    if url.username or url.password:
        return "a user and a password stand in the URL, and in every log that shows it"
    local = _is_encrypted(subject) or (orthanc is not None and stays_on_host(subject, orthanc, host))
    if url.scheme.lower() == "http" and not local and not (address is not None and address.is_loopback):
        return "what it says goes over the network without TLS"
    return ""


def _is_encrypted(subject: Subject) -> bool:
    """Whether our own services speak over networks of a swarm that encrypt between its nodes."""
    site = subject.plan.site if subject.plan is not None else None
    return site is not None and site.runtime == "swarm" and site.scale.encrypt_networks


RULE: Final = Rule(
    id="webhook-in-the-clear",
    severity=Severity.HIGH,
    confidence="likely",
    title="A script calls another host without TLS",
    why="Whoever is on the way reads which patients' images arrive and the secret that goes with the call, and sends "
    "calls of its own.",
    remedy="Write the URL with https://, without a login in it, or keep the receiver on a network of containers of "
    "this host.",
    references=(orthanc_book("users/lua"), hipaa("(e)(1)"), rfc(9110, "section 4.2.4"), nist_pacs("PR.DS-2")),
    find=find,
)
