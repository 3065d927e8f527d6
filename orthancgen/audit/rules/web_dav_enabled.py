"""Orthanc serves its images as a network drive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, serving_http, set_to
from orthancgen.audit.references import nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "WebDavEnabled"


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that serves WebDAV, because nobody said otherwise or on purpose; worse where it deletes."""
    for orthanc in serving_http(subject):
        if not orthanc.flag(_KEY):
            continue
        deletes, uploads = orthanc.flag("WebDavDeleteAllowed"), orthanc.flag("WebDavUploadAllowed")
        may = [word for word, allowed in (("delete", deletes), ("upload", uploads)) if allowed]
        also = f", {' and '.join(may)} there" if may else ""
        yield Hit(
            f"{holds(orthanc, _KEY)}: users mount all images as a folder at /webdav/{also}",
            *orthanc.place(_KEY),
            severity=Severity.HIGH if deletes else Severity.MEDIUM,
            fix=set_to(subject, orthanc, _KEY, False),
        )


RULE: Final = Rule(
    id="web-dav-enabled",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="Images are served as a network drive (WebDAV)",
    why="It is on by default and forgotten: one more way to every image, by which files are uploaded, and deleted "
    "where that is allowed, from any file manager.",
    remedy="Set WebDavEnabled to false unless somebody uses it.",
    references=(orthanc_book("faq/security", "Securing the HTTP server"), nist_pacs("PR.PT-3")),
    find=find,
)
