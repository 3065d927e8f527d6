"""Orthanc recorded who sent the test image: the AE titles; the address is a check of its own."""

from __future__ import annotations

from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict


def examine(context: Context) -> Verdict:
    """Compare the metadata of the instance with who sent it."""
    sample = context.sample
    if sample.sent_by is None:
        if any("store" in caller.may for caller in context.callers):
            return verdict(
                False, "the sender's AE title in the metadata", "no caller could store it: see the checks before"
            )
        return skipped(
            "the sender's AE title in the metadata", f"nobody could send from this host: {context.unplayable}"
        )
    wanted = {"RemoteAET": sample.sent_by.aet, "CalledAET": context.site.orthanc.aet}
    expected = ", ".join(f"{key} {value}" for key, value in wanted.items())
    if sample.orthanc_id is None:
        return verdict(False, expected, "the image is not in Orthanc: see the checks before")
    answer = context.orthanc.get(f"/instances/{sample.orthanc_id}/metadata", params={"expand": ""})
    metadata = answer.raise_for_status().json()
    seen = {key: metadata.get(key) for key in wanted}
    return verdict(seen == wanted, expected, ", ".join(f"{key} {value}" for key, value in seen.items()))


CHECK = Check("sender-recorded", "Orthanc recorded who sent the test image", "positive", examine)
