"""Does Orthanc have room for images, within its own limits?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Remedy
from orthancgen.doctor.observe import backend, services, storage
from orthancgen.doctor.observe.storage import MEBIBYTE
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import deploy, in_file
from orthancgen.orthanc.keys import Version
from orthancgen.orthanc.messages import meaning

_FULL: Final = frozenset(
    {
        *("storage-full", "storage-full-recycle", "storage-full-reject", "storage-full-patients"),
        *("storage-full-instance", "store-refused-full"),
    }
)
"""What Orthanc logs when it refuses an image; the modality gets 0xA700, out of resources (PS3.4 table B.2-1)."""
_SHARE: Final = 0.95
_JUST_NOW: Final = timedelta(minutes=10)
_MODE_SINCE: Final = Version.parse("1.11.3")


def _limited(case: Case) -> bool:
    limits = case.site.orthanc.storage
    return bool(limits.limit_megabytes or limits.limit_patients)


def _room(case: Case) -> Iterator[Finding]:
    limits, counts = case.site.orthanc.storage, storage.statistics(case)
    if counts is None:
        return
    used, patients = storage.stored_bytes(counts), int(counts.get("CountPatients", 0) or 0)
    told = []
    at_limit = False
    if limits.limit_megabytes:
        at_limit = used >= _SHARE * limits.limit_megabytes * MEBIBYTE
        told.append(Evidence(f"{used / MEBIBYTE:.1f} MB of {limits.limit_megabytes} MB are used", "GET /statistics"))
    if limits.limit_patients:
        at_limit = at_limit or patients >= limits.limit_patients
        told.append(Evidence(f"{patients} of {limits.limit_patients} patients are stored", "GET /statistics"))
    refusals = [
        line for line in services.recent_errors(case) if (known := meaning(line.text)) and known.message.id in _FULL
    ]
    last = services.age(case, refusals[-1]) if refusals else None
    just_now = last is not None and last < _JUST_NOW
    reserve = (
        in_file("give it more room: orthanc.storage.limit_megabytes, if the disk has it"),
        deploy(case, "then deploy"),
        Remedy("or move old studies to an archive, and remove them here"),
    )
    if refusals and (at_limit or just_now):
        yield Diagnosis(
            "storage-full",
            "Orthanc's storage is full: new images are refused with 0xA700 (out of resources)",
            "orthanc",
            (*told, services.quoted(refusals[-1])),
            (*reserve, Remedy("have the modality send again what was refused", on="the modality")),
        )
    elif at_limit and (limits.when_full == "recycle" or case.plan.version < _MODE_SINCE):
        old = case.plan.version < _MODE_SINCE and limits.when_full != "recycle"
        told.append(
            Evidence(
                "this Orthanc knows no other way than deleting the oldest patients" if old else "when_full: recycle",
                "environment",
            )
        )
        told += _removed(case)
        yield Diagnosis(
            "storage-recycling",
            "Orthanc's storage is at its limit: the oldest patients are deleted for each new image",
            "orthanc",
            tuple(told),
            (
                *reserve[:2],
                in_file("or have it refuse instead of deleting: orthanc.storage.when_full: reject"),
                reserve[2],
            ),
        )
    elif at_limit:
        yield Diagnosis(
            "storage-full",
            "Orthanc's storage is at its limit: the next images will be refused",
            "orthanc",
            tuple(told),
            reserve,
        )


def _removed(case: Case) -> tuple[Evidence, ...]:
    """What the backend saw disappear."""
    document = backend.status(case) if case.site.backend.enabled else {}
    delivery = backend.section(document, "delivery") if isinstance(document, dict) else {}
    last = backend.section(delivery, "last_reconciliation")
    removed = last.get("instances_removed")
    if not isinstance(removed, int) or removed == 0:
        return ()
    at = str(last.get("finished_at"))[:19].replace("T", " ")
    return (Evidence(f"{removed} images were gone at the last comparison", "GET /api/status of the backend", at),)


QUESTIONS: Final = (
    Question(
        "storage-room", "Does Orthanc have room for images?", "storage", _room, ("storage-full", "storage-recycling"),
        applies=_limited,
    ),
)  # fmt: skip
