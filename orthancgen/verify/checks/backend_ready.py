"""The backend is ready: it reaches the database and Orthanc, and its worker runs."""

from __future__ import annotations

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.checks.without import no_backend
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict


def examine(context: Context) -> Verdict:
    """Ask `/readyz`, which anybody may."""
    expected = "GET /readyz is answered with 200"
    if (absent := no_backend(context, expected)) is not None:
        return absent
    answer = context.backend_anonymous.get("/readyz")
    problems = "; ".join(str(problem) for problem in answer.json().get("problems", ()))
    good = answer.status_code == httpx.codes.OK
    return verdict(
        good, expected, f"HTTP {answer.status_code}" + (f": {problems}" if problems else ""), "orthancgen logs"
    )


CHECK = Check("backend-ready", "The backend reaches the database and Orthanc", "positive", examine)
