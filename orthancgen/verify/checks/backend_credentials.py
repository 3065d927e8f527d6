"""The backend refuses who shows no credential or a wrong one, and each credential where it is not meant."""

from __future__ import annotations

import secrets as random_source
from typing import Final

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.checks.webhook_accepted import POKE, ROUTE, webhook_headers
from orthancgen.verify.checks.without import no_backend, no_webhook
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict

_READING: Final = (
    ("GET", "/api/status"),
    ("GET", "/api/patients"),
    ("GET", "/api/studies"),
    ("GET", "/metrics"),
    ("POST", "/api/orthanc/sync"),
)
_TOKEN_BYTES: Final = 32


def _backend(context: Context) -> Verdict:
    expected = "HTTP 401 without a credential and with a wrong one"
    return no_backend(context, expected) or _unauthorized(context, _READING, expected)


def _webhook(context: Context) -> Verdict:
    expected = "HTTP 401 without a credential and with a wrong one"
    return no_webhook(context, expected) or _unauthorized(context, (("POST", ROUTE),), expected)


def _unauthorized(context: Context, routes: tuple[tuple[str, str], ...], expected: str) -> Verdict:
    wrong_token = {"Authorization": f"Bearer {random_source.token_urlsafe(_TOKEN_BYTES)}"}
    wrong = []
    for method, path in routes:
        for words, headers in (("without a credential", {}), ("with a wrong one", wrong_token)):
            body = POKE if path == ROUTE else None
            answer = context.backend_anonymous.request(method, path, headers=headers, json=body)
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                wrong.append(f"{method} {path} {words}: HTTP {answer.status_code}")
    return verdict(
        not wrong, expected, "; ".join(wrong) or f"so for {len(routes)} routes", "does another program listen there?"
    )


def _elsewhere(context: Context) -> Verdict:
    expected = "HTTP 403 for the webhook's credential on other routes"
    if (absent := no_webhook(context, expected)) is not None:
        return absent
    wrong = []
    for method, path in _READING:
        answer = context.backend_anonymous.request(method, path, headers=webhook_headers(context))
        if answer.status_code != httpx.codes.FORBIDDEN:
            wrong.append(f"{method} {path}: HTTP {answer.status_code}")
    hint = "401: the backend has another token than Orthanc; else: its credentials in backend.json"
    return verdict(not wrong, expected, "; ".join(wrong) or f"so for {len(_READING)} routes", hint)


BACKEND = Check("backend-needs-credential", "The backend refuses a missing or wrong credential", "negative", _backend)
WEBHOOK = Check("webhook-needs-credential", "The webhook refuses a missing or wrong credential", "negative", _webhook)
ELSEWHERE = Check("webhook-credential-limits", "The webhook's credential opens nothing else", "negative", _elsewhere)
