"""What a role may not do on Orthanc's REST API is refused with 403: people by role, and those of services."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import httpx

from orthancgen.orthanc.roles import PERMISSIONS
from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict

_NO_INSTANCE: Final = "00000000-00000000-00000000-00000000-00000000"
PROBES: Final = (
    ("GET", "/statistics"),
    ("DELETE", f"/instances/{_NO_INSTANCE}"),
    ("DELETE", f"/patients/{_NO_INSTANCE}"),
    ("POST", "/instances"),
    ("POST", "/tools/reset/orthancgen-verify"),
    ("POST", "/tools/shutdown/orthancgen-verify"),
    ("POST", "/tools/execute-script"),
    ("PUT", "/tools/log-level/orthancgen-verify"),
)
"""Requests that do no harm where they are admitted by mistake: their resource does not exist, or their body is empty.

Orthanc asks its filter before it looks for the resource, so a path below `/tools/reset` is judged as that one is.
"""


def may(role: str, method: str, path: str) -> bool:
    """Whether the table of roles admits a request."""
    return any(allowed in ("*", method) and path.startswith(prefix) for allowed, prefix in PERMISSIONS[role])


def _people(context: Context) -> Verdict:
    roles: list[str] = sorted({user.role for user in context.site.users.values()} - {"administrator"})
    if not roles:
        return skipped("HTTP 403 for what a role may not do", "the model has administrators only")
    return _refused(context, roles)


def _service(context: Context) -> Verdict:
    roles = sorted({account.role for account in context.plan.accounts if account.role.startswith("service")})
    if not roles:
        return skipped("HTTP 403 for what a service's account may not do", "the model has no account for a service")
    return _refused(context, roles)


def _refused(context: Context, roles: Iterable[str]) -> Verdict:
    wrong = []
    count = 0
    for role in roles:
        account = next(account for account in context.plan.accounts if account.role == role)
        login = (account.user, context.access.secrets[account.secret].reveal())
        for method, path in PROBES:
            if may(role, method, path):
                continue
            count += 1
            answer = context.orthanc_anonymous.request(method, path, auth=login)
            if answer.status_code != httpx.codes.FORBIDDEN:
                wrong.append(f"{account.user} ({role}) {method} {path}: HTTP {answer.status_code}")
    expected = f"HTTP 403 for {count} requests of {', '.join(roles)}"
    return verdict(
        not wrong, expected, "; ".join(wrong) or "HTTP 403 for each", "is orthancgen.lua loaded? orthancgen logs"
    )


PEOPLE = Check("role-limits", "A role cannot do what it may not", "negative", _people)
SERVICE = Check("service-account-limits", "A service's account cannot do what it may not", "negative", _service)
