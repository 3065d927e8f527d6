"""One query may ask for everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, number
from orthancgen.audit.references import orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_KEYS: Final = {"LimitFindResults": "patients, studies or series", "LimitFindInstances": "instances"}


def find(subject: Subject) -> Iterator[Hit]:
    """Every limit of queries that is off, by default or on purpose."""
    for orthanc in subject.orthancs:
        if not (orthanc.flag("HttpServerEnabled") or orthanc.flag("DicomServerEnabled")):
            continue
        for key, what in _KEYS.items():
            if number(orthanc, key) == 0:
                yield Hit(f"{holds(orthanc, key)}: one query returns any number of {what}", *orthanc.place(key))


RULE: Final = Rule(
    id="unlimited-find-results",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="One query may return the whole archive",
    why="A query without a condition keeps Orthanc busy for minutes, and gives whoever may ask the list of all "
    "patients at once.",
    remedy="Set LimitFindResults and LimitFindInstances to 100.",
    references=(orthanc_book("faq/security", "General configuration"),),
    find=find,
)
