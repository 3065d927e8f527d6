"""Taking the test patients away again: those of this run, and what a broken run left behind."""

from __future__ import annotations

from typing import Any, Final

import httpx

from orthancgen.dicom.synthetic import PATIENT_ID_PREFIX, PATIENT_NAME

_ROUNDS: Final = 50


def sweep(orthanc: httpx.Client) -> int:
    """Delete every test patient in Orthanc; returns how many there were.

    A patient goes only when both its identifier and its name are those of the test patient.

    Raises:
        httpx.HTTPError: Orthanc does not answer, or not with 200.
    """
    count = 0
    for _ in range(_ROUNDS):  # an answer of Orthanc may be cut off at `LimitFindResults`
        found = _test_patients(orthanc)
        for identifier in found:
            answer = orthanc.delete(f"/patients/{identifier}")
            if answer.status_code != httpx.codes.NOT_FOUND:
                answer.raise_for_status()
        count += len(found)
        if not found:
            break
    return count


def _test_patients(orthanc: httpx.Client) -> list[str]:
    query = {"Level": "Patient", "Expand": True, "Query": {"PatientID": f"{PATIENT_ID_PREFIX}*"}}
    patients = orthanc.post("/tools/find", json=query).raise_for_status().json()
    return [patient["ID"] for patient in patients if _is_test_patient(patient.get("MainDicomTags", {}))]


def _is_test_patient(tags: dict[str, Any]) -> bool:
    named = str(tags.get("PatientName", "")).strip() == PATIENT_NAME
    return named and str(tags.get("PatientID", "")).startswith(PATIENT_ID_PREFIX)
