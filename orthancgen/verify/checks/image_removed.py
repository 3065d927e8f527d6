"""The test image can be removed from Orthanc, and no test patient is left there."""

from __future__ import annotations

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict
from orthancgen.verify.sweep import sweep


def examine(context: Context) -> Verdict:
    """DELETE, look again, and sweep the further images of the run."""
    sample = context.sample
    expected = "DELETE is answered with 200, and the image is gone"
    if sample.orthanc_id is None:
        sweep(context.orthanc)
        return verdict(False, expected, "there was no image to remove: see the checks before")
    answer = context.orthanc.delete(f"/instances/{sample.orthanc_id}")
    if answer.status_code != httpx.codes.OK:
        return verdict(
            False, expected, f"HTTP {answer.status_code}", "remove the patient ORTHANCGEN^VERIFICATION by hand"
        )
    sweep(context.orthanc)
    left = len(context.lookup(sample.instance.sop_instance_uid)) + sweep(context.orthanc)
    return verdict(
        left == 0, expected, "gone" if left == 0 else f"{left} resources of the test patient are still there"
    )


CHECK = Check("image-removed", "The test image is removed from Orthanc", "positive", examine)
