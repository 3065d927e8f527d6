"""Orthanc is called over TLS, and calls a modality without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import each_modality, in_entry, may
from orthancgen.audit.looking_hosts import stays_on_host
from orthancgen.audit.looking_settings import serving_dicom
from orthancgen.audit.references import dicom, hipaa, nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every modality of another host to which Orthanc, itself behind TLS, would send in the clear."""
    for orthanc in serving_dicom(subject):
        if not orthanc.flag("DicomTlsEnabled"):
            continue
        for name, entry, _ in each_modality(orthanc):
            host = entry.get("Host")
            if entry.get("UseDicomTls") is True or not isinstance(host, str) or stays_on_host(subject, orthanc, host):
                continue
            fetches = may(entry, "move")
            then = "images that it moves to itself go in the clear" if fetches else "calls to it go in the clear"
            yield Hit(
                f"{printable(name)} is called without TLS at {printable(host)}: {then}",
                *in_entry(orthanc, name, "UseDicomTls"),
                severity=Severity.MEDIUM if fetches else Severity.LOW,
            )


RULE: Final = Rule(
    id="modality-called-without-tls",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="Orthanc calls a modality without TLS",
    why="DicomTlsEnabled is for calls that come in. What Orthanc sends, images of a C-MOVE above all, is readable on "
    "the way unless the modality's own entry says UseDicomTls.",
    remedy="Set UseDicomTls to true for the modality, and Port to the one on which it speaks TLS.",
    references=(dicom(15, "B.12"), hipaa("(e)(1)"), nist_pacs("PR.DS-2")),
    find=find,
)
