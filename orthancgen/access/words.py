"""The words of the report, for every format that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orthancgen.access.model import EVERYBODY, TLS_KINDS, Entry, Finding, Report, Row, Setting, WebRow
from orthancgen.orthanc.access import Command, TlsKind
from orthancgen.site.problems import format_path

COMMAND_WORDS: Final[Mapping[Command, str]] = {
    "echo": "echo",
    "store": "store",
    "find": "find",
    "find_worklist": "find worklist",
    "get": "get",
    "move": "move",
    "storage_commitment": "storage commitment",
}
_TLS: Final[Mapping[TlsKind, str]] = {
    "trusted": "TLS with a trusted certificate",
    "anonymous": "TLS without a certificate",
    "foreign": "TLS with a foreign or expired certificate",
    "plain": "no TLS",
}
_WITH_TLS: Final = TLS_KINDS[:-1]


def commands(row: Row) -> str:
    """What is asked for."""
    return (
        "everything" if len(row.commands) == len(COMMAND_WORDS) else ", ".join(COMMAND_WORDS[c] for c in row.commands)
    )


def caller(row: Row) -> str:
    """Who calls, with the AE title."""
    return f"{row.caller} ({row.calling_aet})" if row.calling_aet is not None else row.caller


def places(row: Row) -> str:
    """From where."""
    kinds = {place.kind for place in row.places}
    if kinds >= {"own", "another_modality", "elsewhere"}:
        return "any address"
    if row.caller == EVERYBODY and "elsewhere" not in kinds:
        return "any address that is let in"
    return " or ".join(place.text for place in row.places)


def connection(row: Row) -> str:
    """How: by TLS, and the AE title by which Orthanc is called where that is not its own; empty without either."""
    called = {("another",): "by another called AE title", ("own", "another"): "by any called AE title"}
    how = [tls(row.tls)] if row.entry.tls else []
    return ", ".join([*how, called[row.called]] if row.called in called else how)


def tls(kinds: tuple[TlsKind, ...]) -> str:
    """Ways to connect to a port that speaks TLS."""
    if len(kinds) == len(TLS_KINDS):
        return "with TLS or without"
    if kinds == _WITH_TLS:
        return "TLS, whatever certificate"
    return " or ".join(_TLS[kind] for kind in kinds)


def entry(one: Entry) -> str:
    """A port."""
    return f"{one.name} {one.port}" + (", TLS" if one.tls else ", unencrypted")


def result(row: Row) -> str:
    """What comes of it."""
    return "allowed" if row.allowed else f"refused: {row.step}"


def setting(one: Setting) -> str:
    """A key of the environment file with its place."""
    return f"{format_path(one.path)} ({one.place or 'default'})"


def orthanc_keys(row: Row) -> str:
    """The keys of orthanc.json that decide; those of one section together."""
    sections: dict[str, list[str]] = {}
    for *section, key in row.orthanc_keys:
        sections.setdefault(".".join(section), []).append(key)
    return "; ".join(f"{name}: {', '.join(keys)}" if name else ", ".join(keys) for name, keys in sections.items())


def firewall(report: Report) -> str:
    """The firewalls for which rules are written."""
    return ", ".join(report.firewalls) or "none"


def web_caller(row: WebRow) -> str:
    """Who calls, with the role."""
    return f"{row.who} ({row.role})" if row.role else row.who


def web_port(row: WebRow) -> str:
    """The port, and whether it is encrypted."""
    if row.port is None:
        return "no port of this host"
    if row.encrypted is None:
        return f"port {row.port}"
    return f"port {row.port}, {'TLS' if row.encrypted else 'unencrypted'}"


def reached_from(row: WebRow) -> str:
    """From where."""
    return "; ".join(one.text for one in row.reached_from) or "nowhere"


def web_may(row: WebRow) -> str:
    """What is allowed."""
    return ", ".join(row.may) or "nothing"


def finding_key(one: Finding) -> str:
    """The key that is dead, with its place."""
    if one.setting is not None:
        return setting(one.setting)
    return ".".join(one.orthanc_key or ())


def summary(report: Report) -> dict[str, dict[Command, bool]]:
    """Caller -> command -> whether it is allowed in any way at all; callers and commands in their order."""
    found = {one.name: dict.fromkeys(report.commands, False) for one in report.callers}
    for row in report.whole.rows:
        if row.allowed and row.caller in found:
            found[row.caller] |= {command: True for command in row.commands if command in report.commands}
    return found
