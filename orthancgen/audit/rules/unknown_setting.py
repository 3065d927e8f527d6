"""A key that this version of Orthanc does not have: it is ignored without a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_scripts import sections_read
from orthancgen.audit.looking_settings import is_unknown
from orthancgen.audit.references import orthanc_book, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.orthanc.keys import each_problem

_REMARKS: Final = ("_", "//", "#", "$")
_NEVER_A_PROTECTION: Final = {
    "DicomCheckCallingAet": (
        Severity.HIGH,
        "Set every DicomAlwaysAllow key to false and register who calls under DicomModalities: all others are refused.",
    ),
    "RemoteAccessEnabled": (Severity.MEDIUM, "The key is RemoteAccessAllowed."),
}
_PROTECTING: Final = re.compile(
    r"Dicom(?:Check|AlwaysAllow|Tls|Modalities|ServerEnabled|ScpTimeout)\w*|Allow\w+|UseDicomTls|Ssl\w+|Https\w+"
    r"|Authentication\w+|RegisteredUsers|RemoteAccessAllowed|HttpBindAddresses|WebDav\w+|ExecuteLuaEnabled"
    r"|RestApiWriteToFileSystemEnabled|OrthancExplorerEnabled|Limit\w+|Maximum\w+|OverwriteInstances|DeidentifyLogs"
    r"|StrictAetComparison|ReadOnly"
)
_MEANT: Final = re.compile(r"did you mean (\w+)")


def find(subject: Subject) -> Iterator[Hit]:
    """Every key of a file that Orthanc does not look up; those that come from variables are another rule's."""
    composes = {compose.file for compose in subject.target.composes}
    for orthanc in subject.orthancs:
        own = sections_read(subject, orthanc)
        for problem in each_problem(orthanc.values, orthanc.version, own_sections=own):
            if not problem.path or not is_unknown(orthanc, problem.path):
                continue
            name = str(problem.path[-1])
            mark, path = orthanc.place(*problem.path)
            if name.startswith(_REMARKS) or mark.file in composes:
                continue
            severity, hint = _judged(name, problem.hint)
            if subject.plan is not None:
                hint = problem.hint or hint
            yield Hit(problem.message, mark, path, hint=hint, severity=severity)


def _judged(name: str, hint: str | None) -> tuple[Severity, str | None]:
    if name in _NEVER_A_PROTECTION:
        return _NEVER_A_PROTECTION[name]
    meant = _MEANT.search(hint or "")
    protects = _PROTECTING.fullmatch(meant[1] if meant else name)
    return Severity.MEDIUM if protects else Severity.LOW, hint


RULE: Final = Rule(
    id="unknown-setting",
    severity=Severity.LOW,
    confidence="certain",
    title="A key that Orthanc does not have",
    why="Orthanc looks up the keys that it knows and ignores all others without a word: what the key was to protect, "
    "or to change, is as if it had not been written.",
    remedy="Write the key as this version has it, or remove it.",
    references=(
        orthanc_source("OrthancServer/Sources/OrthancConfiguration.cpp"),
        orthanc_book("users/configuration"),
    ),
    find=find,
)
