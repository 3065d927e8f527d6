"""What the scan found, as problems with places, and as a JSON document. No form holds a value or a line of a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from orthancgen.secrets.scan.known import KnownValues
from orthancgen.secrets.scan.leak import Leak
from orthancgen.secrets.scan.run import Scan
from orthancgen.site.problems import Mark, Problem, printable


def as_problems(leaks: tuple[Leak, ...]) -> list[Problem]:
    """Leaks as problems: the rule's id takes the place of the key path."""
    return [
        Problem(
            leak.what + _where_in_history(leak),
            Mark(leak.file, leak.line, leak.column, leak.end_column),
            (leak.rule.id,),
            leak.rule.remedy,
        )
        for leak in leaks
    ]


def _where_in_history(leak: Leak) -> str:
    commit = "" if leak.commit is None else f"first in commit {leak.commit[:12]}" if leak.commit else "in no commit"
    others = f"in {leak.also} other {'version' if leak.also == 1 else 'versions'} of the file too" if leak.also else ""
    said = ", ".join(part for part in (commit, others) if part)
    return f" ({said})" if said else ""


def summary(scan: Scan, known: KnownValues) -> str:
    """One line: what was looked at, and what it was compared with."""
    files = f"{scan.files} {'file' if scan.files == 1 else 'files'}"
    values = f"{known.values} known {'value' if known.values == 1 else 'values'} of {', '.join(known.environments)}"
    compared = f"compared with {values}" if known.values else "no known values to compare with"
    allowed = f"; {scan.allowed} allowed" if scan.allowed else ""
    found = f"{len(scan.leaks)} {'secret' if len(scan.leaks) == 1 else 'secrets'}" if scan.leaks else "no secrets"
    return f"{found} in {files}, {compared}{allowed}"


def notes(scan: Scan, known: KnownValues) -> list[str]:
    """What was not looked at, and why."""
    said = [f"not scanned, too large or unreadable: {printable(name, 4096)}" for name in scan.unread]
    return said + [f"may not be read, so its secrets were not looked for: {path}" for path in known.unreadable]


def as_document(scan: Scan, known: KnownValues) -> dict[str, Any]:
    """A document for programs."""
    rows = [{**asdict(leak), "rule": leak.rule.id, "remedy": leak.rule.remedy} for leak in scan.leaks]
    return {
        "findings": rows,
        "files": scan.files,
        "bytes": scan.size,
        "allowed": scan.allowed,
        "not_scanned": list(scan.unread),
        "compared_with": {
            "environments": list(known.environments),
            "values": known.values,
            "unreadable": list(known.unreadable),
        },
    }
