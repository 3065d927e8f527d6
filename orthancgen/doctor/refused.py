"""Which associations Orthanc refused, as its log tells: how many, and the latest with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe.orthanc_log import Event, whole

LATEST: Final = 20
REASONS: Final[Mapping[str, str]] = {
    "called-aet-wrong": "called Orthanc by this AE title, which is not its own; the log does not say who",
    "calling-aet-unknown": "the AE title is of no registered modality",
    "address-not-registered": "the AE title is registered with another address",
    "association-rejected": "rejected; the log does not say why",
    "invalid-aet": "the calling AE title is empty or not printable; a port check looks the same",
    "context-name": "does not speak DICOM's application context",
}
"""Message of `orthanc/messages.json` that tells of a refused association -> why, for a reader of no log."""
_TLS: Final = "tls-"
"""How the messages about a failed TLS handshake of a caller begin: what they mean is the reason."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The refused associations of a span of time.

    Attributes:
        since: what the log says from then on was counted.
        until: to then.
        events: oldest first, without orthancgen's own calls.
    """

    since: datetime
    until: datetime
    events: tuple[Event, ...]


def refused(case: Case, until: datetime) -> Refused | None:
    """Those within `case.since`, as far as the log goes back. None where there is no log.

    Args:
        case: the environment.
        until: later ones do not count.
    """
    found = whole(case)
    if found is None:
        return None
    first, events = found
    since = max(first, case.began - case.since)
    return Refused(since, until, tuple(one for one in events if reason(one) and one.at <= until))


def reason(event: Event) -> str | None:
    """Why the association was refused; None for an event that tells of something else."""
    known = REASONS.get(event.message.id)
    if known is None and event.message.area == "way_in" and event.message.id.startswith(_TLS):
        return event.message.means
    return known
