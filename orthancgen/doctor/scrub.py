"""Logs without patient data: by a list of what may stay, so that what nobody thought of is left out.

Orthanc writes to its log what callers, users and scripts say. Of a line that `orthanc/messages` knows, the fields stay
that are no patient's: AE titles, addresses, ports, numbers. Of any other line its head stays, and its text becomes
``[N characters]``. The backend's own lines hold no patient data; that is not taken on trust here. Linear in time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from orthancgen.orthanc.messages import Line, Message, meaning, parse_line

LONGEST_LINE: Final = 65_536
"""Characters of a line that are looked at; what follows is counted."""

_ANY_DAY: Final = datetime(2000, 1, 1)  # noqa: DTZ001  the year is not told
_FIELD: Final = re.compile(r"\{([a-z]+[0-9]?)\}")
_KEPT: Final[Mapping[str, re.Pattern[str]]] = {
    "aet": re.compile(r"[A-Za-z0-9 ._-]{0,16}", re.ASCII),
    "ip": re.compile(r"[0-9A-Fa-f:.]{2,45}", re.ASCII),
    "host": re.compile(r"[A-Za-z0-9.:-]{1,64}", re.ASCII),
    "port": re.compile(r"[0-9]{1,5}", re.ASCII),
    "number": re.compile(r"-?[0-9A-Fa-f]{1,9}", re.ASCII),
    "command": re.compile(r"[A-Za-z -]{1,40}", re.ASCII),
    "option": re.compile(r"[A-Za-z0-9.]{1,60}", re.ASCII),
    "file": re.compile(r"/(?:etc|usr|lib|opt|run)/[A-Za-z0-9._/+-]{1,200}", re.ASCII),
}
"""Fields of Orthanc's lines that stay, and what they look like: a file only where programs and settings lie."""
_VERSION: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){2}", re.ASCII)
_UID: Final = re.compile(r"(?<![0-9.])[0-2](?:\.[0-9]{1,64}){4,}(?![0-9])", re.ASCII)

_BACKEND_WORDS: Final = frozenset(
    {
        "delivery failed", "another backend has taken over the deliveries", "the lease could not be given back",
        "this backend does the deliveries", "recorded", "Orthanc names another database than before",
        "Orthanc's changes go back behind the cursor", "Orthanc's changes are not those seen before: another database",
        "reconciliation begins", "reconciliation done", "a request failed", "answered", "started", "stopping",
        "stopped", "not everything ended in time; what was left is repeated at the next start",
    }
)  # fmt: skip
"""What the backend says (stack/backend/src, each `log` call)."""
_BACKEND_VALUES: Final[Mapping[str, re.Pattern[str]]] = {
    "level": re.compile(r"trace|debug|info|warn|error|fatal"),
    "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z", re.ASCII),
    "service": re.compile(r"backend"),
    "version": re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}", re.ASCII),
    "mode": re.compile(r"full|quick|counts"),
    "method": re.compile(r"[A-Z]{3,7}", re.ASCII),
    "signal": re.compile(r"SIG[A-Z0-9]{2,8}", re.ASCII),
    "status": re.compile(r"[1-5][0-9]{2}", re.ASCII),
    "route": re.compile(r"(?:/(?:[a-z_-]{1,24}|:[a-z_]{1,24}|\*))+/?", re.ASCII),
}
_BACKEND_NUMBERS: Final = frozenset(
    {
        "failures", "retry_milliseconds", "cursor", "epoch", "changes", "seconds", "milliseconds", "last", "seq",
        "instances_in_orthanc", "instances_recorded", "instances_removed", "added", "removed", "updated",
    }
)  # fmt: skip
_ERROR_VALUES: Final[Mapping[str, re.Pattern[str]]] = {
    "source": re.compile(r"orthanc|database|backend"),
    "kind": re.compile(r"code [0-9]{1,6}|[A-Za-z]{1,40}|[a-z_]{1,40}", re.ASCII),
}
_MONGO_VALUES: Final[Mapping[str, re.Pattern[str]]] = {
    "s": re.compile(r"[A-Z][0-9]?", re.ASCII),
    "c": re.compile(r"[A-Z_-]{1,12}", re.ASCII),
}

_STAMP: Final = re.compile(
    r"\[?(?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9:]{4,6})?)\]?"
    r"[ -]{0,4}(?P<level>\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRIT|CRITICAL|FATAL)\]?(?![A-Za-z]))?",
    re.ASCII,
)
_SUPERVISOR: Final = re.compile(
    r"[0-9-]{10} [0-9:,]{12} (?:INFO|WARN|CRIT) (?:"
    r"spawned: '[a-z-]{1,20}' with pid [0-9]{1,9}"
    r"|success: [a-z-]{1,20} entered RUNNING state, process has stayed up for > than [0-9]{1,4} seconds"
    r" \(startsecs\)"
    r"|(?:exited|stopped|gave up): [a-z-]{1,20}(?: \([a-zA-Z0-9 ;:]{1,60}\))?"
    r"|waiting for [a-z, -]{1,80} to die|killing '[a-z-]{1,20}' \([0-9]{1,9}\) with SIG[A-Z]{1,8}"
    r"|supervisord started with pid [0-9]{1,9}|received SIG[A-Z]{1,8} indicating exit request)",
    re.ASCII,
)
_GATEWAY: Final = re.compile(
    r"(?P<peer>[0-9A-Fa-f:.]{2,45}:[0-9]{1,5} [a-z0-9_-]{1,64} )"
    r"(?P<rest>(?:[A-Za-z0-9_-]{1,12} ){1,3}[0-9]{1,15} bytes [0-9]{1,12} ms)",
    re.ASCII,
)


def scrub(service: str, lines: Iterable[str], now: datetime) -> Iterator[str]:
    """A service's log, line by line, with nothing but what is known to be no patient's.

    Args:
        service: whose log it is.
        lines: as they were written, without secrets.
        now: local time of the server, without a zone: Orthanc's log has no year.
    """
    line_of = _LINES.get(service, _other)
    for line in lines:
        yield line_of(line[:LONGEST_LINE], len(line), now)


def scrub_saying(service: str, text: str) -> tuple[str, tuple[str, ...]]:
    """A line of a log as the doctor tells it, with or without its head.

    Returns:
        The line as it may be told, and the parts that were left out, so that they can be left out elsewhere too.
    """
    line = text[:LONGEST_LINE]
    if service != "orthanc":
        return _LINES.get(service, _other)(line, len(text), _ANY_DAY), (text,)
    parsed = parse_line(line, _ANY_DAY)
    said = line if parsed is None else parsed.text
    known = meaning(said)
    head = "" if parsed is None else _head(parsed)
    if known is None:
        return head + counted(len(said)), (said,)
    shown = _filled(known.message, known.fields)
    return head + shown, tuple(value for name, value in known.fields.items() if not _stays(known.message, name, value))


def scrub_uids(text: str) -> str:
    """The text without UIDs."""
    return _UID.sub("[UID]", text)


def counted(length: int) -> str:
    """What stands for a text that is left out."""
    return f"[{length} characters]"


def _orthanc(line: str, length: int, now: datetime) -> str:
    parsed = parse_line(line, now)
    if parsed is None:
        return counted(length)
    known = meaning(parsed.text)
    left_out = counted(len(parsed.text) + length - len(line))
    return _head(parsed) + (left_out if known is None else _filled(known.message, known.fields))


def _head(line: Line) -> str:
    return f"{line.level} {line.at:%m-%d %H:%M:%S.%f} {line.file}:{line.line}] "


def _stays(message: Message, name: str, value: str) -> bool:
    """Whether the field of a message may be told."""
    if _VERSION.fullmatch(value):
        return True
    kept = _KEPT.get(name.rstrip("0123456789"))
    return name not in message.private_fields and kept is not None and kept.fullmatch(value) is not None


def _filled(message: Message, fields: Mapping[str, str]) -> str:
    """The message with the fields that may stay; the others are counted."""

    def value(found: re.Match[str]) -> str:
        text = fields[found[1]]
        return text if _stays(message, found[1], text) else counted(len(text))

    return _FIELD.sub(value, message.pattern)


def _json_line(line: str, length: int) -> dict[str, Any] | str:
    if length == len(line) and line.startswith("{"):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return counted(length)
        if isinstance(found, dict):
            return found
    return counted(length)


def _matching(found: Mapping[str, Any], allowed: Mapping[str, re.Pattern[str]]) -> dict[str, Any]:
    return {
        name: value
        for name, pattern in allowed.items()
        if isinstance(value := found.get(name), str) and pattern.fullmatch(value)
    }


def _backend(line: str, length: int, now: datetime) -> str:
    found = _json_line(line, length)
    if isinstance(found, str):
        return _other(line, length, now)
    kept: dict[str, Any] = _matching(found, _BACKEND_VALUES)
    for name in sorted(_BACKEND_NUMBERS & found.keys()):
        value = found[name]
        if isinstance(value, (int, float)) and abs(value) < 1e9:  # a longer number may be somebody's
            kept[name] = value
    message = found.get("msg")
    if isinstance(message, str):
        kept["msg"] = message if message in _BACKEND_WORDS else counted(len(message))
    error = found.get("err")
    if isinstance(error, dict):
        kept["err"] = _matching(error, _ERROR_VALUES)
    return json.dumps(kept, ensure_ascii=True)


def _database(line: str, length: int, now: datetime) -> str:
    found = _json_line(line, length)
    if isinstance(found, str):
        return _other(line, length, now)
    # mongod: https://www.mongodb.com/docs/manual/reference/log-messages/ ; `msg` is fixed, `attr` is not.
    kept: dict[str, Any] = _matching(found, _MONGO_VALUES)
    moment = found.get("t")
    if isinstance(moment, dict) and isinstance(at := moment.get("$date"), str) and _STAMP.fullmatch(at):
        kept["t"] = at
    if isinstance(number := found.get("id"), int) and abs(number) < 1e9:
        kept["id"] = number
    return json.dumps(kept, ensure_ascii=True)


def _gateway(line: str, length: int, now: datetime) -> str:
    match = _GATEWAY.match(line)
    if match is None:
        return _other(line, length, now)
    return f"{match['peer']}{match['rest']} {counted(length - match.end())}"


def _supervisor(line: str, length: int, now: datetime) -> str:
    return line if _SUPERVISOR.fullmatch(line) else _other(line, length, now)


def _other(line: str, length: int, now: datetime) -> str:
    """Time and level where the line begins with them."""
    del now
    head = _STAMP.match(line)
    if head is None:
        return counted(length)
    level = f" {head['level'].strip('[]')}" if head["level"] else ""
    return f"{head['at']}{level} {counted(length - head.end())}"


_LINES: Final[Mapping[str, Callable[[str, int, datetime], str]]] = {
    "orthanc": _orthanc,
    "backend": _backend,
    "database": _database,
    "gateway": _gateway,
    "supervisord": _supervisor,
}
