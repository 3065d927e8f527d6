"""What Orthanc's log tells since its last start: events with their meaning, without those of orthancgen's own calls."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
import psutil

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Evidence
from orthancgen.orthanc.messages import Line, Message, meaning, parse
from orthancgen.plan.addresses import addresses
from orthancgen.runtimes.proofs import spans
from orthancgen.site.problems import printable
from orthancgen.verify.callers import nowhere_aet, stranger_aet

START: Final = "] Orthanc version: "
"""What the first line of every start says behind its head."""
WHERE: Final = "log of orthanc"
_SAYS_WHY: Final = {
    "calling-aet-unknown": "association-rejected",
    "address-not-registered": "association-rejected",
    "command-not-allowed": "command-rejected",
    "command-of-unknown": "command-rejected",
    "command-from-wrong-address": "command-rejected",
}
"""Which line follows the one that says why, and tells the same."""
_TOGETHER: Final = timedelta(seconds=1)
_LONGEST_SHOWN: Final = 400


@dataclass(frozen=True, slots=True)
class Event:
    """A line that tells of something.

    Attributes:
        line: as it was written.
        at: when, with its zone.
        message: what such a line means.
        fields: what stands in its fields.
    """

    line: Line
    at: datetime
    message: Message
    fields: Mapping[str, str]

    @property
    def aet(self) -> str:
        """The AE title in it, or nothing."""
        return self.fields.get("aet", "")

    @property
    def ip(self) -> str:
        """The caller's address as Orthanc saw it, or nothing."""
        return self.fields.get("ip", "")


def events(case: Case) -> tuple[Event, ...]:
    """Every event since the last start and within `case.since`, oldest first, but those of orthancgen's own calls."""
    return case.once("events of orthanc", lambda: tuple(_events(case, since_start(case.log("orthanc")))))


def whole(case: Case) -> tuple[datetime, tuple[Event, ...]] | None:
    """As :func:`events`, but of every start that the log still tells of; and since when it does. None for no log."""
    offset = _zone(case)
    now = (datetime.now(UTC) + offset).replace(tzinfo=None)
    first = next(parse(case.log("orthanc"), now), None)
    if first is None:
        return None
    return first.at.replace(tzinfo=UTC) - offset, tuple(_events(case, case.log("orthanc")))


def of(case: Case, *ids: str) -> tuple[Event, ...]:
    """The events with one of these ids."""
    return tuple(event for event in events(case) if event.message.id in ids)


def evidence(seen: Iterable[Event]) -> tuple[Evidence, ...]:
    """The first and the last of some events, and how many there were. None gives none."""
    every = tuple(seen)
    if not every:
        return ()
    last = _shown(every[-1])
    if len(every) == 1:
        return (last,)
    return (_shown(every[0]), replace(last, text=f"{last.text}\n({len(every)} such lines in all)"))


def _shown(event: Event) -> Evidence:
    text = printable(event.line.text, _LONGEST_SHOWN)
    if event.ip and event.ip not in text:
        text += f" (called from {event.ip})"
    return Evidence(text, WHERE, f"{event.line.at:%Y-%m-%d %H:%M:%S}")


def since_start(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of the last start and all that came after it."""
    for number in range(len(lines) - 1, -1, -1):
        if START in lines[number][:200]:
            return lines[number:]
    return lines


def _events(case: Case, lines: tuple[str, ...]) -> Iterator[Event]:
    offset = _zone(case)
    now = (datetime.now(UTC) + offset).replace(tzinfo=None)
    earliest = case.began - case.since
    found = []
    for line in parse(lines, now):
        known = meaning(line.text)
        at = line.at.replace(tzinfo=UTC) - offset
        if known and at >= earliest:
            found.append(Event(line, at, known.message, known.fields))
    own = _Own(case)
    return (event for event in _joined(found) if not own.made(event))


def _zone(case: Case) -> timedelta:
    """How much the clock of Orthanc's log is ahead of UTC: asked of Orthanc, which logs by its local time.

    `/tools/now` and `/tools/now-local`: https://orthanc.uclouvain.be/api/index.html
    """
    answers = [case.orthanc(f"/tools/{name}") for name in ("now-local", "now")]
    try:
        local, utc = (
            datetime.strptime(one.text.strip(), "%Y%m%dT%H%M%S")  # noqa: DTZ007
            for one in answers
            if isinstance(one, httpx.Response) and one.status_code == httpx.codes.OK
        )
    except ValueError:
        here = datetime.now().astimezone().utcoffset() or timedelta(0)
        return here if case.site.runtime == "native" else timedelta(0)
    return timedelta(minutes=round((local - utc).total_seconds() / 60))


def _joined(found: list[Event]) -> Iterator[Event]:
    """The line that says why and the one that follows it are one event, with the address of both."""
    taken: set[int] = set()
    for number, event in enumerate(found):
        if number in taken:
            continue
        follows = _SAYS_WHY.get(event.message.id)
        for later in range(number + 1, min(number + 6, len(found))) if follows else ():
            other = found[later]
            same = other.message.id == follows and other.aet == event.aet and other.at - event.at <= _TOGETHER
            if same and later not in taken:
                taken.add(later)
                yield replace(event, fields={**event.fields, "ip": event.ip or other.ip})
                break
        else:
            yield event


class _Own:
    """Which events orthancgen's own calls made: by its proofs, and by the doctor."""

    def __init__(self, case: Case) -> None:
        self._spans = spans(case.runtime.state)
        self._called = nowhere_aet(case.site)
        self._calling = stranger_aet(case.site)
        self._addresses = _addresses(case)

    def made(self, event: Event) -> bool:
        if event.aet == self._calling or (event.message.id == "called-aet-wrong" and event.aet == self._called):
            return True
        if not any(event.at in span for span in self._spans):
            return False
        if event.message.id == "called-aet-wrong":
            return False  # the proofs call by one wrong name only
        return not event.ip or event.ip in self._addresses or _loopback(event.ip)


def _addresses(case: Case) -> frozenset[str]:
    """The addresses from which Orthanc sees this host come."""
    here = {one.address.partition("%")[0] for rows in psutil.net_if_addrs().values() for one in rows}
    access = case.access
    if access and access.seen_as:
        here.add(access.seen_as)
    if case.site.runtime == "compose":
        of_containers = addresses(case.site)
        here |= {of_containers.host_seen, of_containers.gateway}
    return frozenset(here)


def own_addresses(case: Case) -> frozenset[str]:
    """The addresses from which Orthanc sees this host come, loopback's all but the first left out."""
    return case.once("own addresses", lambda: _addresses(case))


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
