"""A poke with the webhook's credential is accepted, and acknowledged by its own id."""

from __future__ import annotations

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.checks.without import no_webhook
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict

ROUTE = "/api/orthanc/webhook"
POKE = {"event": "stored", "id": "orthancgen-verify"}


def examine(context: Context) -> Verdict:
    """Poke as Orthanc's Lua script does."""
    expected = "HTTP 202, acknowledged"
    if (absent := no_webhook(context, expected)) is not None:
        return absent
    answer = context.backend_anonymous.post(ROUTE, json=POKE, headers=webhook_headers(context))
    acknowledged = answer.status_code == httpx.codes.ACCEPTED and answer.json().get("ack") == POKE["id"]
    seen = f"HTTP {answer.status_code}, {'acknowledged' if acknowledged else 'not acknowledged'}"
    return verdict(acknowledged, expected, seen, "the backend may have another token: orthancgen deploy sets both")


def webhook_headers(context: Context) -> dict[str, str]:
    """The credential with which Orthanc pokes."""
    return {"Authorization": f"Bearer {context.access.secrets[context.site.webhook.token.secret].reveal()}"}


CHECK = Check("webhook-accepted", "The webhook is accepted with its credential", "positive", examine)
