"""Orthanc itself pokes the backend when an image arrives: its Lua script runs, and has the right address and token."""

from __future__ import annotations

import itertools
import re
import time

from orthancgen.verify.check import Check
from orthancgen.verify.checks.permitted import further_image
from orthancgen.verify.checks.without import no_webhook
from orthancgen.verify.context import PATIENCE_SECONDS, Context, wait_for
from orthancgen.verify.result import Verdict, verdict

_COUNTER = re.compile(r"^orthancgen_backend_webhook_pokes_total (\d+)", re.MULTILINE)
_TRY_SECONDS = 2.0


def examine(context: Context) -> Verdict:
    """Upload images until the backend counts a poke more; one alone may fall into the pause between two pokes."""
    expected = "the backend counts a poke by Orthanc after an image was stored"
    if (absent := no_webhook(context, expected)) is not None:
        return absent
    before = _pokes(context)
    if before is None:
        return verdict(False, expected, "the backend's /metrics has no counter of pokes")
    deadline = time.monotonic() + PATIENCE_SECONDS + context.site.webhook.at_most_every_seconds
    for number in itertools.count():
        image = further_image(context, number)
        context.orthanc.post("/instances", content=image.data).raise_for_status()
        if wait_for(lambda: (_pokes(context) or 0) > before, _TRY_SECONDS):
            return verdict(True, expected, "it does")
        if time.monotonic() > deadline:
            break
    hint = "after failures Orthanc rests up to 64 s: try again; then see the Lua lines in Orthanc's log, and webhook:"
    return verdict(False, expected, f"no poke, though {number + 1} images were stored", hint)


def _pokes(context: Context) -> int | None:
    found = _COUNTER.search(context.backend.get("/metrics").raise_for_status().text)
    return int(found[1]) if found else None


CHECK = Check("webhook-called", "Orthanc calls the webhook when an image arrives", "positive", examine)
