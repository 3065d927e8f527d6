"""A setting of admission that does nothing, or another thing than it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_dead import dead
from orthancgen.audit.looking_dicom import in_entry
from orthancgen.audit.references import orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.orthanc.admission.dead import DeadSetting
from orthancgen.site.problems import KeyPath, Mark

_FALSE_SAFETY: Final = frozenset({"DicomModalities", "DicomTlsTrustedCertificates", "DicomTlsEnabled"})
"""Somebody relies on them: on who is registered, on a certificate being verified, on encryption."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every dead setting that no other rule speaks of.

    Those that a command open to everybody overrules are told where that command is opened.
    """
    for orthanc in subject.orthancs:
        for one in dead(orthanc, "other"):
            severity = Severity.MEDIUM if one.path[-1] in _FALSE_SAFETY else Severity.LOW
            if len(one.path) == 1 and not orthanc.flag("DicomServerEnabled") and one.path[0] != "DicomModalities":
                continue  # nobody is let in at all: there is nothing to be misled about
            yield Hit(one.message, *_place(orthanc, one), hint=one.hint, severity=severity)


def _place(orthanc: Orthanc, one: DeadSetting) -> tuple[Mark, KeyPath]:
    if len(one.path) == 3:
        return in_entry(orthanc, one.path[1], one.path[2])
    return orthanc.place(*one.path)


RULE: Final = Rule(
    id="setting-without-effect",
    severity=Severity.LOW,
    confidence="certain",
    title="A setting does nothing beside the others",
    why="Whoever reads the configuration takes it for a protection that is not there, and changes it without result "
    "when something has to be mended.",
    remedy="Remove it, or change the setting that overrules it.",
    references=(
        orthanc_source("OrthancServer/Sources/main.cpp"),
        orthanc_source("OrthancFramework/Sources/DicomNetworking/RemoteModalityParameters.cpp"),
    ),
    find=find,
)
