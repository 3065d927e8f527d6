"""A script tells others more than Orthanc's own identifiers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_scripts import each_script, said, webhooks
from orthancgen.audit.references import hipaa, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import LuaScript

_TAGS: Final = frozenset(
    [
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientAddress", "PatientComments",
        "OtherPatientIDs", "OtherPatientNames", "AccessionNumber", "ReferringPhysicianName", "PerformingPhysicianName",
        "RequestingPhysician", "InstitutionName", "StudyDescription", "PatientTelephoneNumbers",
    ]
)  # fmt: skip
"""Keywords of PS3.15 annex E that name a person, or describe one."""
_OF_REST: Final = ("/tags", "/simplified-tags", "/instances-tags", "/shared-tags")


def find(subject: Subject) -> Iterator[Hit]:
    """Every script that tells of events and handles what names a patient."""
    for _, script in each_script(subject):
        calls = webhooks(script)
        what = _what(script) if calls else ""
        if what:
            yield Hit(f"{calls[0].function} of a script that reads {what}: that may go to the receiver", calls[0].mark)


def _what(script: LuaScript) -> str:
    words = said(script.text, script.file)
    named = sorted(_TAGS & {*words.names, *words.texts})
    if named:
        return ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    if any("tags" in name.lower() for name in words.dumped):
        return "all tags of the image"
    return "the tags of an image" if any(text.endswith(_OF_REST) for text in words.texts) else ""


RULE: Final = Rule(
    id="webhook-carries-patient-data",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="A webhook may carry data of patients",
    why="What goes to the receiver also stands in its log, its queue and its memory dumps: names of patients in places "
    "that nobody protects as such.",
    remedy="Send Orthanc's identifier of the instance alone, and let the receiver fetch what it needs with its own "
    "login.",
    references=(orthanc_book("users/lua"), hipaa("(a)(1)")),
    find=find,
)
