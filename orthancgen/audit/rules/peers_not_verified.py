"""Other Orthancs are called in the clear, or prove themselves by a password alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_calls import peers
from orthancgen.audit.looking_hosts import stays_on_host
from orthancgen.audit.looking_settings import holds
from orthancgen.audit.references import ihe_atna, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable

_KEY: Final = "SslVerifyPeers"


def find(subject: Subject) -> Iterator[Hit]:
    """Every peer or DICOMweb server of another host without TLS; and peers with whom no certificates are asked for."""
    for orthanc in subject.orthancs:
        called = list(peers(orthanc))
        for peer in called:
            host = peer.url.hostname or ""
            if peer.url.scheme == "http" and not stays_on_host(subject, orthanc, host):
                sends = "images and the password" if peer.settings.get("Password") else "images"
                yield Hit(
                    f"{printable(peer.words)} is called at {printable(host)} without TLS: {sends} go in the clear",
                    peer.mark,
                    peer.path,
                )
        others = [peer for peer in called if peer.path[0] == "OrthancPeers" and peer.url.scheme == "https"]
        if not (others and orthanc.flag("SslEnabled") and orthanc.knows(_KEY)) or orthanc.flag(_KEY):
            continue
        yield Hit(
            f"{holds(orthanc, _KEY)}: an Orthanc that calls this one is known by its password alone",
            *orthanc.place(_KEY),
            severity=Severity.LOW,
        )


RULE: Final = Rule(
    id="peers-not-verified",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="Orthancs that call each other do not prove who they are",
    why="What goes to a peer without TLS is read on the way, with the password that opens it; and who has that "
    "password is taken for the peer, wherever it calls from.",
    remedy="Write the peer's URL with https://, and give both sides certificates: CertificateFile for who calls, "
    "SslVerifyPeers and SslTrustedClientCertificates for who is called.",
    references=(orthanc_book("faq/https"), ihe_atna("ITI-19"), nist_pacs("PR.DS-2")),
    find=find,
)
