"""Each account of the plan logs in with its own password."""

from __future__ import annotations

import httpx

from orthancgen.orthanc.roles import PERMISSIONS
from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict


def examine(context: Context) -> Verdict:
    """Ask as each for something that its role may read."""
    wrong = []
    for account in context.plan.accounts:
        login = (account.user, context.access.secrets[account.secret].reveal())
        answer = context.orthanc_anonymous.get(_readable(account.role), auth=login)
        if answer.status_code != httpx.codes.OK:
            wrong.append(f"{account.user}: HTTP {answer.status_code}")
    names = ", ".join(f"{account.user} ({account.role})" for account in context.plan.accounts)
    return verdict(not wrong, f"HTTP 200 for {names}", "; ".join(wrong) or "so for all", "orthancgen deploy sets them")


def _readable(role: str) -> str:
    """A path that a role may read: `/system`, or where it may not, what it is for."""
    may = [path for method, path in PERMISSIONS[role] if method in {"GET", "*"}]
    return "/system" if "/" in may else may[0]


CHECK = Check("orthanc-accounts", "Every account logs in to Orthanc", "positive", examine)
