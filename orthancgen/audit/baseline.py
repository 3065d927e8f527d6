"""The baseline: findings that are known and do not count, so that only what is new does.

A JSON file with a line a finding, sorted, made for version control. The fingerprint decides; rule, file and key path
stand beside it for readers.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from orthancgen.audit.rule import Finding, Suppression
from orthancgen.errors import InputError
from orthancgen.render.write import stage
from orthancgen.site.problems import Problem, format_path, printable

VERSION: Final = 1
_LARGEST: Final = 32 * 1024 * 1024
_ANEW: Final = "write it anew with --write-baseline"


def text_of(findings: Iterable[Finding]) -> str:
    """The file for findings: all that no waiver accepts."""
    rows = sorted(
        {
            (one.rule.id, one.file, format_path(one.path), one.fingerprint)
            for one in findings
            if one.suppression is None or one.suppression.kind == "baseline"
        }
    )
    lines = [
        json.dumps({"fingerprint": name, "rule": rule, "file": file, "path": path}, ensure_ascii=True)
        for rule, file, path, name in rows
    ]
    body = "".join(f"\n{line}{',' if number < len(lines) else ''}" for number, line in enumerate(lines, 1))
    return f'{{"version": {VERSION}, "findings": [{body}\n]}}\n'


def accept(findings: Iterable[Finding], known: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings, those accepted whose fingerprints are known."""
    by = Suppression("baseline", "in the baseline")
    return tuple(replace(one, suppression=by) if one.counts and one.fingerprint in known else one for one in findings)


def gone(findings: Iterable[Finding], known: Mapping[str, str], ran: Collection[str]) -> tuple[Problem, ...]:
    """A warning where some of the baseline are not found any more, by rules that ran."""
    found = {one.fingerprint for one in findings}
    number = sum(name not in found and rule in ran for name, rule in known.items())
    if not number:
        return ()
    what = "1 finding of the baseline is" if number == 1 else f"{number} findings of the baseline are"
    return (Problem(f"{what} gone", hint=_ANEW, severity="warning"),)


def read(path: Path) -> Mapping[str, str]:
    """Fingerprint -> id of the rule, of each finding of a baseline.

    Raises:
        InputError: the file cannot be read, or is no baseline of this version.
    """
    name = printable(str(path), _LARGEST)
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{name} is larger than {_LARGEST // 2**20} MiB: that is no baseline", hint=_ANEW)
        document = json.loads(path.read_bytes())
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise InputError(f"cannot read the baseline {name}: {reason}", hint=_ANEW) from None
    except (ValueError, RecursionError):
        raise InputError(f"the baseline {name} is no JSON", hint=_ANEW) from None
    version = document.get("version") if isinstance(document, dict) else None
    if version != VERSION:
        raise InputError(f"{name} is no baseline of version {VERSION}", hint=_ANEW)
    rows = document.get("findings")
    pairs = [_pair(row) for row in rows] if isinstance(rows, list) else [None]
    if None in pairs:
        raise InputError(f"{name} is no baseline: a finding in it has no fingerprint or no rule", hint=_ANEW)
    return dict(pair for pair in pairs if pair is not None)


def _pair(row: Any) -> tuple[str, str] | None:
    found = (row.get("fingerprint"), row.get("rule")) if isinstance(row, dict) else (None, None)
    return (found[0], found[1]) if isinstance(found[0], str) and isinstance(found[1], str) else None


def write(path: Path, findings: Iterable[Finding]) -> None:
    """Write the baseline, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        temporary = stage(text_of(findings).encode("ascii"), path, mode)
        try:
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise InputError(f"cannot write the baseline {printable(str(path), 4096)}: {reason}") from None
