"""Nothing tells whether a stored file is still what came in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, set_to
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEY: Final = "StoreMD5ForAttachments"


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc that keeps no checksums of its files."""
    for orthanc in subject.orthancs:
        if orthanc.get(_KEY) is False:
            yield Hit(
                f"{holds(orthanc, _KEY)}: a damaged file is found only when somebody opens it",
                *orthanc.place(_KEY),
                fix=set_to(subject, orthanc, _KEY, True),
            )


RULE: Final = Rule(
    id="no-checksums",
    severity=Severity.LOW,
    confidence="certain",
    title="No checksums of the stored files are kept",
    why="A disk that fails slowly, or a restore that was not complete, damages images unnoticed: what is not kept "
    "cannot be verified later, nor for the images stored meanwhile.",
    remedy="Set StoreMD5ForAttachments to true, which is the default.",
    references=(
        orthanc_source("OrthancServer/Resources/Configuration.json"),
        hipaa("(c)(2)"),
        nist_pacs("PR.DS-6"),
    ),
    find=find,
)
