"""The test image is in Orthanc, found by its UID, with the pixels that were sent."""

from __future__ import annotations

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.checks.permitted import sample_pixels
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict


def examine(context: Context) -> Verdict:
    """Look it up; where no caller can be played from this host, it comes by HTTP first."""
    sample = context.sample
    way = f"C-STORE of {sample.sent_by.aet}" if sample.sent_by else "HTTP upload"
    expected = f"the image stored by {way} is found by its SOPInstanceUID, with equal pixels"
    if sample.sent_by is None and any("store" in caller.may for caller in context.callers):
        return verdict(False, expected, "no caller could store it: see the checks before")
    if sample.sent_by is None:
        answer = context.orthanc.post("/instances", content=sample.instance.data)
        if answer.status_code != httpx.codes.OK:
            return verdict(False, expected, f"POST /instances: HTTP {answer.status_code}", "orthancgen logs")
    found = context.lookup(sample.instance.sop_instance_uid)
    if len(found) != 1:
        return verdict(False, expected, f"{len(found)} instances with this UID", "is the disk full? orthancgen logs")
    sample.orthanc_id = found[0]
    # One frame, without a transfer syntax that would change it: the bytes of PixelData as they were sent.
    frame = context.orthanc.get(f"/instances/{found[0]}/content/7fe0-0010/0")
    if frame.status_code == httpx.codes.NOT_FOUND:
        frame = context.orthanc.get(f"/instances/{found[0]}/content/7fe0-0010")
    pixels = frame.raise_for_status().content
    equal = pixels == sample_pixels(context)
    words = "equal" if equal else "not equal to those sent"
    return verdict(equal, expected, f"found, {len(pixels)} bytes of pixels, {words}")


CHECK = Check("image-found", "The test image is in Orthanc, pixel for pixel", "positive", examine)
