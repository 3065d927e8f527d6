"""Progress of a deploy on a terminal or in a log."""

from __future__ import annotations

import time

from rich.console import Console


class ConsoleReport:
    """One line a step when it ended; on a terminal, a spinner while it lasts."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._status = out.status("", spinner="dots") if out.is_terminal else None
        self._since: float | None = None

    def started(self, step: str) -> None:
        """Show that a step began."""
        self._since = time.monotonic()
        if self._status:
            self._status.update(step)
            self._status.start()

    def done(self, step: str, outcome: str) -> None:
        """Show how a step ended and how long it took."""
        self.stop()
        seconds = time.monotonic() - self._since if self._since is not None else 0.0
        self._since = None
        took = f" ({seconds:.1f} s)" if seconds >= 1 else ""
        self._out.print(f"{step:<28}{outcome}{took}", style="dim" if outcome == "unchanged" else None, soft_wrap=True)

    def stop(self) -> None:
        """Take the spinner away."""
        if self._status:
            self._status.stop()
