"""DICOM calls of others that Orthanc refused, counted from one measurement to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe import orthanc_log
from orthancgen.doctor.refused import REASONS as ASSOCIATIONS
from orthancgen.errors import RenderError
from orthancgen.render.write import place

_CHECKS_OF_PORTS: Final = frozenset({"invalid-aet", "context-name"})
"""Whoever looks whether the port is open leaves these in the log: no alert is to come of them."""
REASONS: Final = (
    *(one for one in ASSOCIATIONS if one not in _CHECKS_OF_PORTS),
    "command-not-allowed", "command-of-unknown", "command-from-wrong-address",
    "aet-registered-twice-addresses", "aet-registered-twice", "command-rejected",
    "tls-plain-call", "tls-no-client-certificate", "tls-client-not-verified",
)  # fmt: skip
"""Lines of Orthanc's log that tell of a refused call: ids of `orthanc/messages.json`."""
_FILE: Final = "refused.json"
_LARGEST: Final = 65_536
_LONGEST: Final = timedelta(days=366)


def count(case: Case) -> Mapping[str, int]:
    """Reason -> calls refused since the first measurement; what happened before that does not count.

    Those of orthancgen's own proofs are left out. Calls are missed that stand before Orthanc's last start in its log,
    where it was started since the last measurement.
    """
    until, totals = _remembered(case)
    now = case.began.astimezone(UTC)
    if until is not None and until < now:
        case.since = min(now - until, _LONGEST)
        for event in orthanc_log.of(case, *REASONS):
            if until <= event.at.astimezone(UTC) < now:
                totals[event.message.id] += 1
    _remember(case, now, totals)
    return totals


def _remembered(case: Case) -> tuple[datetime | None, dict[str, int]]:
    totals = dict.fromkeys(REASONS, 0)
    try:
        with (case.runtime.state.root / _FILE).open("rb") as file:
            document: Any = json.loads(file.read(_LARGEST))
        until = datetime.fromisoformat(document["until"]).astimezone(UTC)
        known = {name: number for name, number in document["refused"].items() if name in totals}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, totals
    totals |= {name: number for name, number in known.items() if isinstance(number, int) and number >= 0}
    return until, totals


def _remember(case: Case, until: datetime, totals: Mapping[str, int]) -> None:
    """A state folder that cannot be written is left alone: the next run counts from the same moment."""
    root = case.runtime.state.root
    if not root.is_dir():
        return
    text = json.dumps({"until": until.isoformat(), "refused": totals})
    try:
        place([(root / _FILE, text.encode("ascii"), 0o600)], root)
    except RenderError:
        return
