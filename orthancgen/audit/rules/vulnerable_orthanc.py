"""A version of Orthanc with known vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import place
from orthancgen.audit.looking_versions import newest_fix, severity_of, shown
from orthancgen.audit.references import orthanc_source, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.orthanc.keys import Version
from orthancgen.orthanc.vulnerabilities import Vulnerability, known, static_dcmtk
from orthancgen.site.problems import KeyPath, Mark

_DEBIAN_12: Final = Version(1, 10, 1)
_MENDED_THERE: Final = frozenset({"CVE-2023-33466"})
"""By the security updates of Debian 12, whose version stays 1.10.1: DSA-5473."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc whose version is named and has known faults, those of the DCMTK in it included."""
    for orthanc in subject.orthancs:
        if not orthanc.part.version_known:
            continue
        faults = _faults(orthanc)
        if faults:
            fix = newest_fix(faults, orthanc.version)
            mark, path = _place(subject, orthanc)
            yield Hit(
                f"Orthanc {orthanc.version} has {shown(faults)}",
                mark,
                path,
                hint=f"Update to Orthanc {fix} or newer; `orthancgen upgrade` tells what changes." if fix else None,
                severity=severity_of(faults),
            )


def _faults(orthanc: Orthanc) -> tuple[Vulnerability, ...]:
    version, publisher = orthanc.version, orthanc.part.publisher
    found = list(known("orthanc", version))
    if version == _DEBIAN_12 and publisher in {None, "debian"}:
        return tuple(one for one in found if one.id not in _MENDED_THERE)
    bundled = static_dcmtk(version) if publisher in {"orthancteam", "jodogne"} else None
    if bundled is not None:
        # Those that are mended in no release are told of DCMTK's own programs, not of Orthanc.
        found += [one for one in known("dcmtk", bundled) if one.fixed_in]
    return tuple(found)


def _place(subject: Subject, orthanc: Orthanc) -> tuple[Mark, KeyPath]:
    """Where the version is said: at the image, else at the head of the configuration."""
    service = subject.service_of(orthanc)
    if service is not None and service.image:
        return place(service, "image")
    return orthanc.place()


RULE: Final = Rule(
    id="vulnerable-orthanc",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="This version of Orthanc has known vulnerabilities",
    why="How they are used is published: by a request or an image that is made for it, strangers or users read memory, "
    "stop the server or run programs on it.",
    remedy="Update Orthanc to 1.13.0 or newer (orthancteam/orthanc 26.8.0), after a backup.",
    references=(
        page("CISA ICSMA-26-253-02", "https://www.cisa.gov/news-events/ics-medical-advisories/icsma-26-253-02"),
        page("CERT/CC VU#536588", "https://kb.cert.org/vuls/id/536588"),
        orthanc_source("NEWS"),
    ),
    find=find,
)
