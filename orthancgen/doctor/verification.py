"""What the proofs found, told to the backend, whose status page shows it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe.orthanc_log import Event
from orthancgen.doctor.refused import LATEST, reason, refused
from orthancgen.release.who import who_am_i
from orthancgen.runtimes.runtime import Runtime
from orthancgen.site.load import Loaded
from orthancgen.site.problems import printable
from orthancgen.verify.result import CheckResult

_PATH: Final = "/api/status/verification"
_LONGEST: Final = 2_000
"""Characters of a text that the backend takes (stack/backend/src/status/verification.ts)."""
_LOOK_BACK: Final = timedelta(days=7)
"""How far the log is looked at where no verification was told before."""


def tell(loaded: Loaded, runtime: Runtime, results: tuple[CheckResult, ...]) -> str | None:
    """Tell the backend of the environment what the proofs that just ended found.

    Never raises for what another program does: the proofs count, whether they are told or not.

    Returns:
        Why it could not be told, or None.
    """
    if not results or not runtime.plan.site.backend.enabled:
        return None
    finished = datetime.now(UTC)
    case = Case(loaded, runtime, since=_LOOK_BACK)
    before = case.backend(_PATH)
    if isinstance(before, str) or before.status_code != httpx.codes.OK:
        return _why(before)
    case.since = finished - (_counted_until(before) or finished - _LOOK_BACK)
    answer = case.backend(_PATH, method="PUT", content=json.dumps(summary(case, results, finished)))
    return None if not isinstance(answer, str) and answer.status_code == httpx.codes.NO_CONTENT else _why(answer)


def summary(case: Case, results: tuple[CheckResult, ...], finished: datetime) -> dict[str, Any]:
    """The document that is told."""
    took = timedelta(seconds=sum(one.seconds for one in results))
    who = who_am_i()
    found = refused(case, finished)
    return {
        "environment": str(case.site.environment),
        "run_by": printable(f"{who.login}@{who.host}", 200),
        "started_at": _time(finished - took),
        "finished_at": _time(finished),
        "checks": [_check(one) for one in results],
        "refused_associations": None
        if found is None
        else {
            "since": _time(found.since),
            "until": _time(found.until),
            "count": len(found.events),
            "latest": list(_shown(reversed(found.events[-LATEST:]))),
        },
    }


def _check(result: CheckResult) -> dict[str, Any]:
    return {
        "id": result.id,
        "title": printable(result.title, 300),
        "group": result.group,
        "outcome": str(result.outcome),
        "expected": printable(result.expected, _LONGEST),
        "seen": printable(result.seen, _LONGEST),
        "hint": printable(result.hint, _LONGEST) if result.hint else None,
    }


def _shown(events: Iterable[Event]) -> Iterable[dict[str, Any]]:
    for event in events:
        yield {
            "at": _time(event.at),
            "reason": printable(reason(event) or "", 500),
            "aet": printable(event.aet, 64) or None,
            "address": event.ip or None,
        }


def _counted_until(answer: httpx.Response) -> datetime | None:
    """Up to when the log was counted for the verification that was told before."""
    try:
        return datetime.fromisoformat(answer.json()["verification"]["refused_associations"]["until"])
    except (ValueError, KeyError, TypeError):
        return None


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _why(answer: httpx.Response | str) -> str:
    return answer if isinstance(answer, str) else f"it answered {answer.status_code}"
