"""Which known vulnerabilities a version of Orthanc, or of what runs beside it, has.

The facts are data (``vulnerabilities.json``), each with its source. The list is not complete: that nothing is known of
a version says nothing of its safety.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from orthancgen.orthanc.keys import Version

_FILE: Final = Path(__file__).with_name("vulnerabilities.json")

Severity = Literal["low", "medium", "high", "critical"]
"""By the CVSS score: below 4, below 7, below 9, and from there on."""


@dataclass(frozen=True, slots=True)
class Range:
    """Versions from ``first`` on (None: from the very first) that are older than ``before``."""

    first: Version | None
    before: Version

    def __contains__(self, version: Version) -> bool:
        return (self.first is None or self.first <= version) and version < self.before


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """A fault that others may use.

    Attributes:
        id: its CVE number, or a name where it has none.
        component: ``orthanc``, ``orthanc-explorer-2``, ``dcmtk``, ``mongo``.
        what: what can be done by whom, in our own words.
        affected: the versions that have it; each range is one series that is maintained.
        fixed_in: the first version of each series without it; empty where none is released.
        certainty: ``read`` in the source, or seen when it was ``run``.
        note: for whom it does not hold, what helps until then, or "".
        exploited: known to be used by attackers (CISA's catalogue).
    """

    id: str
    component: str
    severity: Severity
    what: str
    affected: tuple[Range, ...]
    fixed_in: tuple[Version, ...]
    source: str
    certainty: Literal["read", "run"] = "read"
    note: str = ""
    exploited: bool = False

    def affects(self, version: Version) -> bool:
        """Whether a version has it."""
        return any(version in one for one in self.affected)

    def fix_for(self, version: Version) -> Version | None:
        """The first version without it that is newer, of the nearest series; None where there is none."""
        return min((fixed for fixed in self.fixed_in if fixed > version), default=None)


def components() -> tuple[str, ...]:
    """The names of what is looked at, sorted."""
    return tuple(sorted({one.component for one in _all()}))


def vulnerabilities() -> tuple[Vulnerability, ...]:
    """Every vulnerability of the list, in its order."""
    return _all()


def known(component: str, version: Version | str) -> tuple[Vulnerability, ...]:
    """The known vulnerabilities of a version of a component, in the order of the list.

    Args:
        component: one of `components`; of any other nothing is known.
        version: ``1.12.7``, or as a `Version`; a build of the development branch counts as the newest.

    Raises:
        ValueError: the text is no version.
    """
    wanted = Version.parse(version) if isinstance(version, str) else version
    return tuple(one for one in _all() if one.component == component and one.affects(wanted))


def static_dcmtk(version: Version) -> Version | None:
    """Which DCMTK the builds of Orthanc's authors bring, or None; distributions bring their own."""
    return max((dcmtk for since, dcmtk in _static_dcmtk().items() if since <= version), default=None)


# --- the list


@cache
def _document() -> Mapping[str, Any]:
    document: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType(document)


@cache
def _all() -> tuple[Vulnerability, ...]:
    return tuple(_read(entry) for entry in _document()["vulnerabilities"])


@cache
def _static_dcmtk() -> Mapping[Version, Version]:
    versions = _document()["static_dcmtk"]["versions"]
    return MappingProxyType({Version.parse(since): Version.parse(dcmtk) for since, dcmtk in versions.items()})


def _read(entry: Mapping[str, Any]) -> Vulnerability:
    fields = dict(entry)
    fields["affected"] = tuple(
        Range(Version.parse(one["from"]) if "from" in one else None, Version.parse(one["before"]))
        for one in entry["affected"]
    )
    fields["fixed_in"] = tuple(Version.parse(text) for text in entry["fixed_in"])
    return Vulnerability(**fields)
