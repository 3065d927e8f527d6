"""The records vanish after the image was removed from Orthanc."""

from __future__ import annotations

from orthancgen.verify.check import Check
from orthancgen.verify.checks.record_made import patience
from orthancgen.verify.checks.without import no_backend
from orthancgen.verify.context import Context, wait_for
from orthancgen.verify.result import Verdict, verdict


def examine(context: Context) -> Verdict:
    """Wait until the backend has no record of the test image, nor of the test patient."""
    seconds = patience(context)
    expected = f"no record of the removed image after at most {seconds:g} s"
    if (absent := no_backend(context, expected)) is not None:
        return absent
    if not context.sample.recorded:
        return verdict(False, expected, "there was no record that could vanish: see the checks before")
    instance = context.sample.instance

    def vanished() -> bool:
        return not context.records(instance.sop_instance_uid) and not context.patient_record(instance.patient_id)

    gone = wait_for(vanished, seconds)
    hint = "POST /api/orthanc/sync of the backend compares everything; orthancgen logs"
    return verdict(gone, expected, "gone" if gone else "it is still there", hint)


CHECK = Check("record-removed", "The record vanishes with the image", "positive", examine)
