"""Known vulnerabilities in words: how many, which, how bad, and the version without them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orthancgen.audit.rule import Severity
from orthancgen.orthanc.keys import Version
from orthancgen.orthanc.vulnerabilities import Vulnerability

_NAMED: Final = 3


def severity_of(faults: Sequence[Vulnerability]) -> Severity:
    """That of the worst; critical where attackers are known to use one."""
    worst = max(Severity[one.severity.upper()] for one in faults)
    return Severity.CRITICAL if any(one.exploited for one in faults) else worst


def shown(faults: Sequence[Vulnerability]) -> str:
    """The worst by name and what they are, and how many others there are."""
    worst_first = sorted(faults, key=lambda one: (not one.exploited, -Severity[one.severity.upper()], one.id))
    first, *others = worst_first
    names = ", ".join(one.id for one in others[: _NAMED - 1])
    more = len(others) - (_NAMED - 1)
    also = f"; also {names}" if names else ""
    rest = f" and {more} more" if more > 0 else ""
    return f"{first.id} ({first.what}){also}{rest}"


def newest_fix(faults: Sequence[Vulnerability], version: Version) -> Version | None:
    """The first version of the nearest series without any of them; None where there is none."""
    fixes = [one.fix_for(version) for one in faults]
    found = [fix for fix in fixes if fix is not None]
    return max(found, default=None)
