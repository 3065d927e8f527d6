"""Orthanc's REST API refuses who has no password, and the passwords that everybody knows."""

from __future__ import annotations

from typing import Final

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict

# The pairs of Orthanc's own warning (main.cpp of 1.13.0), and the user that it makes up without a configuration.
_KNOWN_PAIRS: Final = (("orthanc", "orthanc"), ("alice", "orthanctest"), ("alice", "alicePassword"), ("admin", "admin"))
_ROUTES: Final = ("/system", "/patients", "/changes", "/modalities", "/app/explorer.html")
_HINT: Final = "AuthenticationEnabled and RegisteredUsers of Orthanc; was it restarted since?"


def _without(context: Context) -> Verdict:
    expected = f"HTTP 401 for {', '.join(_ROUTES)}"
    wrong = []
    for route in _ROUTES:
        answer = context.orthanc_anonymous.get(route)
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            wrong.append(f"{route}: HTTP {answer.status_code}")
    return verdict(not wrong, expected, "; ".join(wrong) or "HTTP 401 for each", _HINT)


def _defaults(context: Context) -> Verdict:
    users = [account.user for account in context.plan.accounts]
    pairs = dict.fromkeys([*_KNOWN_PAIRS, *((u, p) for u in users for p in ("", u, "orthanc"))])
    wrong = []
    for user, password in pairs:
        answer = context.orthanc_anonymous.get("/system", auth=(user, password))
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            kind = "an empty password" if not password else "a password that everybody knows"
            wrong.append(f"{user} with {kind}: HTTP {answer.status_code}")
    expected = f"HTTP 401 for {len(pairs)} pairs of user and password that are guessed first"
    return verdict(not wrong, expected, "; ".join(wrong) or "HTTP 401 for each", _HINT)


WITHOUT = Check("http-without-password-refused", "HTTP without a password is refused", "negative", _without)
DEFAULTS = Check("http-default-password-refused", "HTTP with a default password is refused", "negative", _defaults)
