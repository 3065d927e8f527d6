"""Steps of going back: each is tried, whatever became of the one before."""

from __future__ import annotations

from collections.abc import Callable

from orthancgen.errors import OrthancgenError


class Attempts:
    """Tries steps, and keeps what could not be done, and why, in :attr:`failures`."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def __call__(self, what: str, action: Callable[[], None]) -> None:
        """Try a step; what it raises is kept."""
        try:
            action()
        except OrthancgenError as error:
            self.failures.append(f"{what}: {error.message}")
        except Exception as error:  # whatever it is, the next step is tried
            self.failures.append(f"{what}: {getattr(error, 'strerror', None) or type(error).__name__}")
