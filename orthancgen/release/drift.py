"""What live systems say, compared with what the current release wants. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not as the release wants it."""

    kind: str
    place: str
    wanted: str
    found: str
    remedy: str
