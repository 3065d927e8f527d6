"""How a runtime tells what it does: each step once when it starts, once when it ended."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    """Receives the progress of a deploy."""

    def started(self, step: str) -> None:
        """A step begins; it may take long."""

    def done(self, step: str, outcome: str) -> None:
        """A step ended well: ``unchanged``, ``started``, ``2 files changed``."""


class Silent:
    """Tells nothing."""

    def started(self, step: str) -> None:
        """Ignored."""

    def done(self, step: str, outcome: str) -> None:
        """Ignored."""
