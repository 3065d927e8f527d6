"""Nobody runs scripts on the server by HTTP, not even the administrator."""

from __future__ import annotations

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict

_REFUSALS = (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND)


def examine(context: Context) -> Verdict:
    """POST a script that does nothing."""
    answer = context.orthanc.post("/tools/execute-script", content="-- orthancgen verify")
    good = answer.status_code in _REFUSALS
    return verdict(good, "HTTP 403 or 404", f"HTTP {answer.status_code}", "ExecuteLuaEnabled of Orthanc must be false")


CHECK = Check("execute-script-refused", "Scripts sent by HTTP are refused", "negative", examine)
