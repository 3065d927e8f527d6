"""Orthanc's log: its lines taken apart, and what those mean that tell of something.

The facts are data (``messages.json``), each with its source. A pattern is the line's text with a field in braces for
what varies; what a field may hold follows from its name (:data:`FIELDS`). Whoever calls Orthanc decides what stands in
some of them, so every length is bounded and no match takes more than linear time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final, Literal

_FILE: Final = Path(__file__).with_name("messages.json")
_LONGEST: Final = 4096
"""Characters of a line that are looked at."""
_FIELD: Final = re.compile(r"\{([a-z]+)([0-9]?)\}")
_BUCKET: Final = 6

Level = Literal["E", "W", "I", "T", "?"]
"""Error, warning, information (`--verbose`), trace; `?` where Orthanc was short of memory."""

# Orthanc's own form: https://orthanc.uclouvain.be/hg/orthanc/file/default/OrthancFramework/Sources/Logging.cpp,
# GetLinePrefix. The name of the thread stands there since 1.12.2.
_HEAD: Final = re.compile(
    r"([EWIT?])(\d{2})(\d{2}) (\d{2}):(\d{2}):(\d{2})\.(\d{6}) {1,20}(?:([^ ].{0,19}) )?"
    r"([A-Za-z0-9_.+-]{1,80}):(\d{1,7})\] (?:\(([a-z-]{1,16})\) )?(.*)",
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of Orthanc's log.

    Attributes:
        level: how grave it is.
        at: when, in the local time of the server, without a zone; the log has no year.
        thread: who wrote it; empty in older versions.
        file: source file of Orthanc.
        line: line of that file.
        text: what it says.
    """

    level: Level
    at: datetime
    thread: str
    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field may hold.

    Attributes:
        pattern: regular expression, of bounded length.
        private: it may hold what a patient or a user typed, so it does not leave the site.
    """

    pattern: str
    private: bool = False


FIELDS: Final[Mapping[str, Kind]] = {
    "aet": Kind(r".{0,64}"),
    "ip": Kind(r"[0-9A-Fa-f:.]{2,45}"),
    "host": Kind(r"[^\s()]{0,255}"),
    "port": Kind(r"[0-9]{1,5}"),
    "number": Kind(r"-?[0-9A-Fa-f]{1,16}"),
    "command": Kind(r"[A-Za-z -]{1,40}"),
    "option": Kind(r"[^\"']{1,80}"),
    "script": Kind(r"[^\"]{0,80}"),
    "file": Kind(r".{1,1024}"),
    "instance": Kind(r"[0-9a-f-]{1,64}"),
    "text": Kind(r".*", private=True),
}
"""By the name of the field, without the digit that tells two of a kind apart."""


@dataclass(frozen=True, slots=True)
class Message:
    """A line that tells of something.

    Attributes:
        id: in kebab-case, unique.
        level: at which Orthanc writes it.
        area: what it is about; the words of the doctor's areas.
        pattern: the text with its fields in braces.
        means: what it tells, one sentence.
        versions: those in which it was seen or read.
        source: `run`, or where it was read.
    """

    id: str
    level: Level
    area: str
    pattern: str
    means: str
    versions: tuple[str, ...]
    source: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields, in their order."""
        return tuple(name + digit for name, digit in _FIELD.findall(self.pattern))

    @property
    def private_fields(self) -> frozenset[str]:
        """The fields that may hold what must not leave the site."""
        return frozenset(name for name in self.fields if FIELDS[name.rstrip("0123456789")].private)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a line tells: its message, and what stands in the fields."""

    message: Message
    fields: Mapping[str, str]


@cache
def messages() -> tuple[Message, ...]:
    """Every message, the more exact before the more general."""
    document = json.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(
        Message(
            row["id"], row["level"], row["area"], row["pattern"], row["means"], tuple(row["versions"]), row["source"]
        )
        for row in document["messages"]
    )


@cache
def _buckets() -> Mapping[str, tuple[tuple[Message, re.Pattern[str]], ...]]:
    """The messages by their first characters, which all of them have."""
    found: dict[str, list[tuple[Message, re.Pattern[str]]]] = {}
    for message in messages():
        found.setdefault(message.pattern[:_BUCKET], []).append((message, _compiled(message.pattern)))
    return {first: tuple(rows) for first, rows in found.items()}


def _compiled(pattern: str) -> re.Pattern[str]:
    parts, end = [], 0
    for field in _FIELD.finditer(pattern):
        parts.append(re.escape(pattern[end : field.start()]))
        parts.append(f"(?P<{field[1]}{field[2]}>{FIELDS[field[1]].pattern})")
        end = field.end()
    return re.compile("".join((*parts, re.escape(pattern[end:]))), re.DOTALL)


def parse_line(text: str, now: datetime) -> Line | None:
    """One line taken apart; None where it has no head, as the second line of a long message.

    Args:
        text: the line.
        now: the server's local time, which decides the year; without a zone.
    """
    match = _HEAD.fullmatch(text[:_LONGEST].rstrip("\r\n"))
    if match is None:
        return None
    level, month, day, hour, minute, second, micro, thread, file, line, _category, said = match.groups()
    at = _moment(now, int(month), int(day), int(hour), int(minute), int(second), int(micro))
    return None if at is None else Line(level, at, thread or "", file, int(line), said)  # type: ignore[arg-type]


def _moment(now: datetime, month: int, day: int, hour: int, minute: int, second: int, micro: int) -> datetime | None:
    """The last such moment that is not after tomorrow; 29 February needs up to eight years."""
    for year in range(now.year + 1, now.year - 9, -1):
        try:
            at = datetime(year, month, day, hour, minute, second, micro)  # noqa: DTZ001
        except ValueError:
            continue
        if at <= now + timedelta(days=1):
            return at
    return None


def parse(lines: Iterable[str], now: datetime) -> Iterator[Line]:
    """The lines that have a head, in their order."""
    for text in lines:
        if line := parse_line(text, now):
            yield line


def meaning(text: str) -> Meaning | None:
    """What the text of a line tells; None where it is not in the table."""
    said = text[:_LONGEST].strip("\r\n")
    for message, pattern in _buckets().get(said[:_BUCKET], ()):
        if match := pattern.fullmatch(said):
            return Meaning(message, match.groupdict())
    return None
