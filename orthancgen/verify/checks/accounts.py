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
_PATHS: Final = ("/system", "/tools/metrics-prometheus", _NO_STUDY)
"""Of these, every account may read one."""
_REFUSED: Final = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})


def examine(context: Context) -> Verdict:
    """Ask as each for something that its role may read; who reads images alone, for a study that is not there."""
    wrong = []
    for account in context.plan.accounts:
        login = (account.user, context.access.secrets[account.secret].reveal())
        path = _readable(account.role)
        answer = context.orthanc_anonymous.get(path, auth=login)
        good = answer.status_code not in _REFUSED if path == _NO_STUDY else answer.status_code == httpx.codes.OK
        if not good:
            wrong.append(f"{account.user}: HTTP {answer.status_code}")
    names = ", ".join(f"{account.user} ({account.role})" for account in context.plan.accounts)
    return verdict(not wrong, f"a login for {names}", "; ".join(wrong) or "so for all", "orthancgen deploy sets them")


def _readable(role: str) -> str:
    """A path that a role may read."""
    return next(path for path in _PATHS if may(role, "GET", path))


CHECK = Check("orthanc-accounts", "Every account logs in to Orthanc", "positive", examine)
