"""Names of patients, or credentials, are written into the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, set_to
from orthancgen.audit.references import hipaa, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every setting that writes tags of DICOM, or the headers of outgoing requests, into the log."""
    for orthanc in subject.orthancs:
        if orthanc.knows("DeidentifyLogs") and orthanc.get("DeidentifyLogs") is False:
            yield Hit(
                f"{holds(orthanc, 'DeidentifyLogs')}: the tags of queries and images are logged as they are",
                *orthanc.place("DeidentifyLogs"),
                fix=set_to(subject, orthanc, "DeidentifyLogs", True),
            )
        if orthanc.flag("HttpVerbose"):
            yield Hit(
                f"{holds(orthanc, 'HttpVerbose')}: outgoing requests are logged with their headers, passwords and "
                "tokens among them",
                *orthanc.place("HttpVerbose"),
                fix=set_to(subject, orthanc, "HttpVerbose", False),
            )


RULE: Final = Rule(
    id="patient-data-in-logs",
    severity=Severity.LOW,
    confidence="certain",
    title="The log holds data of patients or credentials",
    why="Logs are copied, sent to others for help and kept for long: who reads them learns names, or a password.",
    remedy="Set DeidentifyLogs to true and HttpVerbose to false, which are the defaults.",
    references=(orthanc_book("faq/log"), hipaa("(b)")),
    find=find,
)
