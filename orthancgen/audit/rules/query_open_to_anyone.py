"""Anybody may search for patients or fetch their images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import at_reach, open_commands
from orthancgen.audit.looking_settings import holds, serving_dicom
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.orthanc.admission.configuration import ALWAYS, TITLES, Command

_WHAT: Final[dict[Command, str]] = {
    "find": "lists patients and studies",
    "find_worklist": "reads the worklist, with the patients of the day",
    "get": "fetches images",
    "move": "has images sent to registered modalities",
}


def find(subject: Subject) -> Iterator[Hit]:
    """Every command by which images or names leave that is open to everybody."""
    for orthanc in serving_dicom(subject):
        for command in open_commands(orthanc):
            if command in _WHAT:
                key = ALWAYS[command]
                yield Hit(
                    f"{holds(orthanc, key)}: every AE title from every address {_WHAT[command]} ({TITLES[command]})",
                    *orthanc.place(key),
                    severity=at_reach(subject, orthanc, Severity.CRITICAL),
                )


RULE: Final = Rule(
    id="query-open-to-anyone",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="Anybody may search or fetch images by DICOM",
    why="Any DICOM program that reaches the port copies the archive: no password is asked for, and none can be.",
    remedy="Set the key to false, which is its default, and give the command to the modalities that need it by their "
    "Allow keys.",
    references=(
        orthanc_book("faq/security", "Securing the DICOM server"),
        hipaa("(a)(1)"),
        hipaa("(d)"),
        nist_pacs("PR.AC-4"),
    ),
    find=find,
)
