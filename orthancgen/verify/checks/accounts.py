"""Each account of the plan logs in with its own password."""

from __future__ import annotations

from typing import Final

import httpx

from orthancgen.verify.check import Check
from orthancgen.verify.checks.roles import may
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, verdict

_NO_STUDY: Final = "/dicom-web/studies/0/metadata"
"""What every account may ask for that reads images."""
_REFUSED: Final = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})


def examine(context: Context) -> Verdict:
    """Ask for `/system` as each; as an account that may not read that, for a study that is not there."""
    wrong = []
    for account in context.plan.accounts:
        login = (account.user, context.access.secrets[account.secret].reveal())
        reads = may(account.role, "GET", "/system")
        answer = context.orthanc_anonymous.get("/system" if reads else _NO_STUDY, auth=login)
        if not (answer.status_code == httpx.codes.OK or (not reads and answer.status_code not in _REFUSED)):
            wrong.append(f"{account.user}: HTTP {answer.status_code}")
    names = ", ".join(f"{account.user} ({account.role})" for account in context.plan.accounts)
    return verdict(not wrong, f"a login for {names}", "; ".join(wrong) or "so for all", "orthancgen deploy sets them")


CHECK = Check("orthanc-accounts", "Every account logs in to Orthanc", "positive", examine)
