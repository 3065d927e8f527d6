"""A version of MongoDB with known vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import place, reached_from_outside
from orthancgen.audit.looking_images import image_of
from orthancgen.audit.looking_versions import newest_fix, severity_of, shown
from orthancgen.audit.references import cve, mongodb, nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.orthanc.keys import Version
from orthancgen.orthanc.vulnerabilities import known


def find(subject: Subject) -> Iterator[Hit]:
    """Every database whose image names a version with known faults."""
    for _, service in subject.services:
        if service.role != "mongo":
            continue
        image = image_of(service.image)
        if image.version is None or not image.is_release:
            continue
        version = Version(*image.version)
        faults = known("mongo", version)
        if not faults:
            continue
        fix = newest_fix(faults, version)
        worst = severity_of(faults)
        outside = reached_from_outside(service)
        yield Hit(
            f"{service.name} is MongoDB {version}, which has {shown(faults)}",
            *place(service, "image"),
            hint=f"Use mongo:{fix} or newer." if fix else None,
            severity=worst if outside or any(one.exploited for one in faults) else Severity(max(worst - 1, 1)),
        )


RULE: Final = Rule(
    id="vulnerable-mongo",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="This version of MongoDB has known vulnerabilities",
    why="By MongoBleed whoever reaches the port reads the server's memory before any login, records and passwords in "
    "it; programs that do so go round.",
    remedy="Use the newest release of the series, or start mongod with --networkMessageCompressors snappy,zstd until "
    "then.",
    references=(cve("CVE-2025-14847"), mongodb("Run MongoDB with a supported version"), nist_pacs("PR.IP-1")),
    find=find,
)
