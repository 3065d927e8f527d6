"""The backend has a record of the test image, soon after it was stored."""

from __future__ import annotations

import time
from typing import Any

from orthancgen.verify.check import Check
from orthancgen.verify.checks.without import no_backend
from orthancgen.verify.context import PATIENCE_SECONDS, Context, wait_for
from orthancgen.verify.result import Verdict, verdict


def examine(context: Context) -> Verdict:
    """Wait for the record and compare it with the image and its sender."""
    seconds = patience(context)
    expected = f"a record of the test image within {seconds:g} s, with patient and sender"
    if (absent := no_backend(context, expected)) is not None:
        return absent
    sample = context.sample
    if sample.orthanc_id is None:
        return verdict(False, expected, "the image is not in Orthanc: see the checks before")
    records: list[dict[str, Any]] = []
    patients: list[dict[str, Any]] = []
    started = time.monotonic()

    def recorded() -> bool:
        # The instance is written first and its patient last, so the patient ends the wait.
        records[:] = context.records(sample.instance.sop_instance_uid)
        patients[:] = context.patient_record(sample.instance.patient_id) if records else []
        return bool(patients)

    if not wait_for(recorded, seconds):
        return verdict(
            False, expected, "no record", "GET /api/status of the backend tells its last error; orthancgen logs"
        )
    sample.recorded = True
    waited = time.monotonic() - started
    wanted: dict[str, Any] = {"id": [sample.orthanc_id], "parent_patient": patients[0]["id"]}
    seen: dict[str, Any] = {"id": [it["id"] for it in records], "parent_patient": records[0]["parent_patient"]}
    if sample.sent_by is not None:
        wanted["remote_aet"], seen["remote_aet"] = sample.sent_by.aet, records[0]["remote_aet"]
    if seen != wanted:
        differences = [f"{key} {seen[key]}, not {wanted[key]}" for key in wanted if seen[key] != wanted[key]]
        return verdict(False, expected, ", ".join(differences))
    return verdict(True, expected, f"recorded, seen after {waited:.1f} s")


def patience(context: Context) -> float:
    """How long a change in Orthanc may take to the records; without a webhook, the polling interval more."""
    poll = 0 if context.site.webhook.enabled else context.site.backend.delivery.poll_seconds
    return PATIENCE_SECONDS + poll


CHECK = Check("record-made", "The backend has a record of the test image", "positive", examine)
