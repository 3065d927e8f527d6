"""Orthanc answers its administrator, and is the version and AE title of the plan."""

from __future__ import annotations

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict


def examine(context: Context) -> Verdict:
    """Compare `/system` with the plan."""
    wanted = {
        "Version": str(context.plan.version),
        "DicomAet": context.site.orthanc.aet,
        "DicomPort": context.site.dicom.port,
    }
    expected = f"login, Orthanc {wanted['Version']}, AE title {wanted['DicomAet']}, DICOM port {wanted['DicomPort']}"
    answer = context.orthanc.get("/system")
    if answer.status_code != httpx.codes.OK:
        return verdict(
            False, expected, f"HTTP {answer.status_code}", "was Orthanc restarted since the password changed?"
        )
    system = answer.json()
    found = {key: system.get(key) for key in wanted}
    seen = ", ".join(f"{key} {value}" for key, value in found.items())
    hint = "orthancgen deploy; orthanc.version: auto follows the installed server"
    return verdict(found == wanted, expected, seen, hint)


CHECK = Check("orthanc-system", "Orthanc answers its administrator: version and AE title", "positive", examine)
