"""The backend says that it is of this environment, follows this Orthanc, and has nothing left to do."""

from __future__ import annotations

from typing import Any

from orthancgen.verify.check import Check
from orthancgen.verify.checks.without import no_backend
from orthancgen.verify.context import Context, wait_for
from orthancgen.verify.result import Verdict, verdict


def examine(context: Context) -> Verdict:
    """Ask `/api/status` with the operator's token until the backlog is empty."""
    site = context.site
    wanted = {
        "environment": f"{site.environment} ({site.kind})",
        "AE title": site.orthanc.aet,
        "backlog": 0,
        "ready": True,
    }
    expected = _text(wanted)
    if (absent := no_backend(context, expected)) is not None:
        return absent
    seen: dict[str, Any] = {}
    problems: list[str] = []

    def settled() -> bool:
        status = context.backend.get("/api/status").raise_for_status().json()
        environment = status["environment"]
        seen.update(
            {
                "environment": f"{environment['name']} ({environment['kind']})",
                "AE title": status["orthanc"]["dicom_aet"],
                "backlog": status["delivery"]["backlog"],
                "ready": status["ready"],
            }
        )
        problems[:] = status["problems"]
        return seen == wanted

    good = wait_for(settled)
    return verdict(good, expected, "; ".join([_text(seen), *problems]), "orthancgen logs tells what the worker meets")


def _text(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


CHECK = Check("backend-status", "The backend follows this Orthanc and has no backlog", "positive", examine)
