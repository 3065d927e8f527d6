"""Users of the REST API may write files on the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, serving_http, set_to
from orthancgen.audit.references import cve, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.orthanc.keys import Version

_KEY: Final = "RestApiWriteToFileSystemEnabled"
_OF_DEBIAN: Final = Version(1, 10, 1)
"""Debian's package has the setting although it is new in 1.12.0: DSA-5473."""
_SINCE: Final = Version(1, 12, 0)


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that writes files where a request says; before 1.12.0 nothing turns that off."""
    for orthanc in serving_http(subject):
        severity = Severity.CRITICAL if orthanc.remote else Severity.HIGH
        if not _is_heeded(orthanc):
            yield Hit(
                f"Orthanc {orthanc.version} writes any file that a user names to POST /instances/{{id}}/export, and "
                "has no setting against it",
                *orthanc.place(_KEY),
                hint="Update Orthanc to 1.12.0 or newer.",
                severity=severity,
            )
        elif orthanc.flag(_KEY):
            yield Hit(
                f"{holds(orthanc, _KEY)}: whoever may POST to /instances/{{id}}/export overwrites any file of "
                "Orthanc's user",
                *orthanc.place(_KEY),
                severity=severity,
                fix=set_to(subject, orthanc, _KEY, False),
            )


def _is_heeded(orthanc: Orthanc) -> bool:
    if orthanc.version >= _SINCE:
        return True
    return orthanc.version == _OF_DEBIAN and orthanc.part.publisher in {None, "debian"}


RULE: Final = Rule(
    id="files-over-rest",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="The REST API writes files where a request says",
    why="A user overwrites Orthanc's configuration or a script of it with an uploaded file, and controls the server "
    "after the next start.",
    remedy="Set RestApiWriteToFileSystemEnabled to false, or remove it: false is the default since 1.12.0.",
    references=(cve("CVE-2023-33466"), orthanc_book("faq/security"), nist_pacs("PR.PT-3")),
    find=find,
)
