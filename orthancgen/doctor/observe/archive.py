"""Studies in Orthanc: how many images, who sent them, and where they stand in its log of changes. No patient data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe.answers import list_of, object_or_none

_MOST_STUDIES: Final = 20
_PAGE: Final = 2_000
_PAGES: Final = 10
_SAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent an image, as Orthanc noted it: AE title, address, the name by which it was called, when, in UTC."""

    aet: str
    address: str
    called: str
    received: str
    origin: str


@dataclass(frozen=True, slots=True)
class Study:
    """A study in Orthanc.

    Attributes:
        id: Orthanc's own.
        uid: StudyInstanceUID.
        series, instances: how many.
        stable: no image came for a while.
        updated: when the last image came, in UTC.
        senders: of some of its images, each once.
        seq: number of its last change; None where none was found.
    """

    id: str
    uid: str
    series: int
    instances: int
    stable: bool
    updated: str
    senders: tuple[Sender, ...]
    seq: int | None


def quoted(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")


def find(case: Case, typed: str) -> tuple[tuple[Study, ...], tuple[tuple[str, str], ...]] | str:
    """What Orthanc knows by an identifier: the studies, and the level and id of all else; or why it cannot be asked.

    `/tools/lookup` compares PatientID, StudyInstanceUID, SeriesInstanceUID, SOPInstanceUID and AccessionNumber; no
    character of the identifier is a wildcard: https://orthanc.uclouvain.be/book/users/rest-cheatsheet.html
    """
    found = _matches(case, typed)
    if isinstance(found, str):
        return found
    studies = tuple(
        study
        for level, id_ in found
        if level == "Study" and (study := _study(case, id_)) is not None and study.uid == typed
    )
    ids = {study.id for study in studies}
    others = tuple((level, id_) for level, id_ in found if id_ not in ids)
    return studies[:_MOST_STUDIES], others


def of_patient(case: Case, patient_id: str) -> tuple[Study, ...]:
    """The studies of a patient by PatientID."""
    found = _matches(case, patient_id)
    ids: list[str] = []
    for level, id_ in found if not isinstance(found, str) else ():
        document = _get(case, f"/patients/{quoted(id_)}") if level == "Patient" else None
        studies = document.get("Studies") if document else None
        ids += [str(one) for one in studies] if isinstance(studies, list) else []
    return tuple(study for id_ in ids[:_MOST_STUDIES] if (study := _study(case, id_)) is not None)


def studies_of(case: Case, others: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """StudyInstanceUID of what series, images and patients belong to."""
    uids: dict[str, None] = {}
    for level, id_ in others:
        if level == "Study":
            uids[_text((_get(case, f"/studies/{quoted(id_)}") or {}).get("MainDicomTags"), "StudyInstanceUID")] = None
        elif level in {"Series", "Instance"}:
            path = {"Series": "series", "Instance": "instances"}[level]
            document = _get(case, f"/{path}/{quoted(id_)}/study")
            uid = _text((document or {}).get("MainDicomTags"), "StudyInstanceUID")
            if uid:
                uids[uid] = None
        elif level == "Patient":
            document = _get(case, f"/patients/{quoted(id_)}")
            for one in ((document or {}).get("Studies") or [])[:_MOST_STUDIES]:
                uid = _text((_get(case, f"/studies/{quoted(str(one))}") or {}).get("MainDicomTags"), "StudyInstanceUID")
                if uid:
                    uids[uid] = None
    return tuple(uids)


def _matches(case: Case, typed: str) -> tuple[tuple[str, str], ...] | str:
    def look() -> tuple[tuple[str, str], ...] | str:
        rows = list_of(case.orthanc("/tools/lookup", method="POST", content=typed))
        if isinstance(rows, str):
            return rows
        return tuple((str(one.get("Type")), str(one.get("ID"))) for one in rows if isinstance(one, dict))

    return case.once(f"lookup {typed}", look)


def _get(case: Case, path: str) -> dict[str, Any] | None:
    return object_or_none(case.orthanc(path))


def _text(holder: Any, key: str) -> str:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else ""


def _study(case: Case, id_: str) -> Study | None:
    document = _get(case, f"/studies/{quoted(id_)}")
    if document is None:
        return None
    series = document.get("Series")
    names = [str(one) for one in series] if isinstance(series, list) else []
    instances = _instances(case, names)
    patient = str(document.get("ParentPatient", ""))
    return Study(
        id=id_,
        uid=_text(document.get("MainDicomTags"), "StudyInstanceUID"),
        series=len(names),
        instances=len(instances),
        stable=document.get("IsStable") is True,
        updated=_time(document.get("LastUpdate")),
        senders=_senders(case, instances),
        seq=_seq(case, {id_, patient, *names, *instances}),
    )


def _instances(case: Case, series: Sequence[str]) -> list[str]:
    found: list[str] = []
    for one in series:
        ids = (_get(case, f"/series/{quoted(one)}") or {}).get("Instances")
        found += [str(id_) for id_ in ids] if isinstance(ids, list) else []
    return found


def _senders(case: Case, instances: Sequence[str]) -> tuple[Sender, ...]:
    """Of the first image, the last one, and one in the middle."""
    picked = dict.fromkeys(instances[index] for index in (0, len(instances) // 2, -1)) if instances else {}
    found: dict[tuple[str, str, str], Sender] = {}
    for id_ in list(picked)[:_SAMPLES]:
        kept = _get(case, f"/instances/{quoted(id_)}/metadata?expand") or {}
        one = Sender(
            _text(kept, "RemoteAET"),
            _text(kept, "RemoteIP"),
            _text(kept, "CalledAET"),
            _time(kept.get("ReceptionDate")),
            _text(kept, "Origin"),
        )
        if one.aet or one.origin:
            found.setdefault((one.aet, one.address, one.called), one)
    return tuple(found.values())


def _time(value: Any) -> str:
    """Orthanc's `20270630T140312`, which is UTC, for people; nothing where it is none."""
    try:
        return f"{datetime.strptime(str(value), '%Y%m%dT%H%M%S'):%Y-%m-%d %H:%M:%S} UTC"  # noqa: DTZ007
    except ValueError:
        return ""


def _seq(case: Case, ids: set[str]) -> int | None:
    """The number of the last arrival of any of these, looked for from the end of the log of changes on."""
    last = _get(case, "/changes?last")
    top = last.get("Last") if last else None
    if not isinstance(top, int):
        return None
    for page in range(_PAGES):
        since = max(0, top - (page + 1) * _PAGE)
        document = _get(case, f"/changes?since={since}&limit={_PAGE}") or {}
        rows = document.get("Changes")
        mine = [
            int(one["Seq"])
            for one in (rows if isinstance(rows, list) else ())
            if isinstance(one, dict) and one.get("ID") in ids and str(one.get("ChangeType", "")).startswith("New")
        ]
        if mine:
            return max(mine)
        if since == 0:
            return None
    return None
