"""The modalities of the running Orthanc, and what the environment says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe import configuration
from orthancgen.render.orthanc_json import configuration as rendered

Row = Mapping[str, Any]
_COMPARED: Final = ("AET", "Host", "Port", "UseDicomTls")


def running(case: Case) -> Mapping[str, Row] | None:
    """The modalities by name, as `GET /modalities?expand` tells them; None where Orthanc does not."""
    return case.once("modalities of orthanc", lambda: _running(case))


def _running(case: Case) -> Mapping[str, Row] | None:
    answer = case.orthanc("/modalities?expand")
    if not isinstance(answer, httpx.Response) or answer.status_code != httpx.codes.OK:
        return None
    try:
        found = answer.json()
    except ValueError:
        return None
    return {str(name): row for name, row in found.items() if isinstance(row, dict)} if isinstance(found, dict) else None


def wanted(case: Case) -> Mapping[str, Row] | None:
    """What they should be, in Orthanc's words; None where that is not what was deployed, which other questions tell."""
    if configuration.not_deployed(case) or any(
        one.path == configuration.ORTHANC_FILE for one in configuration.altered(case)
    ):
        return None
    found: Mapping[str, Row] = case.once("wanted modalities", lambda: rendered(case.plan)["DicomModalities"])
    return found


def difference(expected: Row, found: Row) -> tuple[str, ...]:
    """What differs in one modality: `Host is 10.0.0.9, not 10.0.0.7`."""
    keys = [*_COMPARED, *(key for key in expected if key.startswith("Allow") and key in found)]
    told = []
    for key in keys:
        if key in expected and key in found and str(expected[key]) != str(found[key]):
            told.append(f"{key} is {found[key]}, not {expected[key]}")
    return tuple(told)


def doubled(rows: Mapping[str, Row], *, exact_case: bool) -> Mapping[str, tuple[str, ...]]:
    """AE titles that stand more than once -> the names that have them, compared as Orthanc does."""
    by_title: dict[str, list[str]] = {}
    for name, row in rows.items():
        title = str(row.get("AET", "")).strip()
        by_title.setdefault(title if exact_case else title.casefold(), []).append(name)
    return {str(rows[names[0]]["AET"]): tuple(names) for names in by_title.values() if len(names) > 1}
