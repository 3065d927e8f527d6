"""A modality may search, fetch, move and store because nobody said what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dicom import at_reach, each_modality, may, open_commands, says
from orthancgen.audit.looking_settings import serving_dicom
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.orthanc.admission.configuration import TITLES, Command
from orthancgen.site.problems import printable

_THAT_MATTER: Final[tuple[Command, ...]] = ("store", "find", "get", "move")


def find(subject: Subject) -> Iterator[Hit]:
    """Every modality that has all rights, some of them only because its Allow keys are not there."""
    for orthanc in serving_dicom(subject):
        everybody = open_commands(orthanc)
        wanted = [command for command in _THAT_MATTER if command not in everybody]
        for name, entry, path in each_modality(orthanc):
            unsaid = [TITLES[command] for command in wanted if not says(entry, command)]
            if unsaid and all(may(entry, command) for command in wanted):
                yield Hit(
                    f"{printable(name)} may use {', '.join(unsaid)}, because nothing says that it may not",
                    *orthanc.place(*path),
                    severity=at_reach(subject, orthanc, Severity.MEDIUM),
                )


RULE: Final = Rule(
    id="modality-may-everything",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A modality may do everything",
    why="Every Allow key is true where it is not written. A scanner that only sends images may then also list all "
    "patients and fetch any study, and so may whoever passes for it.",
    remedy="Write AllowEcho, AllowStore, AllowFind, AllowFindWorklist, AllowGet, AllowMove and AllowStorageCommitment "
    "for each modality, true where it needs the command.",
    references=(
        orthanc_book("faq/security", "Securing the DICOM server"),
        hipaa("(a)(1)"),
        nist_pacs("PR.AC-4"),
    ),
    find=find,
)
