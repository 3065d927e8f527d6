"""The backend is ready: it reaches the database and Orthanc, and its worker runs."""

from __future__ import annotations

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.checks.without import no_backend
from orthancgen.verify.context import PATIENCE_SECONDS, Context, wait_for
from orthancgen.verify.result import Verdict, verdict


def examine(context: Context) -> Verdict:
    """Ask `/readyz`, which anybody may, until it is: after Orthanc was restarted the backend needs a moment."""
    expected = f"GET /readyz is answered with 200 within {PATIENCE_SECONDS:g} s"
    if (absent := no_backend(context, expected)) is not None:
        return absent
    answers: list[httpx.Response] = []

    def ready() -> bool:
        answers[:] = [context.backend_anonymous.get("/readyz")]
        return answers[0].status_code == httpx.codes.OK

    good = wait_for(ready)
    seen = [f"HTTP {answers[0].status_code}"]
    if not good and "json" in answers[0].headers.get("content-type", ""):
        seen += map(str, answers[0].json().get("problems", ()))
    return verdict(good, expected, "; ".join(seen), "orthancgen logs")


CHECK = Check("backend-ready", "The backend reaches the database and Orthanc", "positive", examine)
