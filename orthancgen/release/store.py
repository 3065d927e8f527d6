"""The releases of one environment on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orthancgen.release.model import Draft, Release, Verified
from orthancgen.render.artifact import Bundle


class ReleaseStore:
    """The folder ``releases`` and the file ``current.json`` beside it."""

    def __init__(self, state_folder: Path) -> None:
        self.folder = state_folder / "releases"
        self.current_file = state_folder / "current.json"

    def begin(self, draft: Draft, bundle: Bundle) -> Release:
        """Store a new release, whole or not at all; its state is ``begun``."""
        raise NotImplementedError

    def complete(
        self,
        release: Release,
        *,
        index_schema: int | None = None,
        verified: Verified | None = None,
        facts: Mapping[str, Mapping[str, object]] | None = None,
    ) -> Release:
        """Call a release good and make it the current one; what a rollback left becomes ``rolled back``."""
        raise NotImplementedError

    def fail(self, release: Release, verified: Verified | None = None) -> Release:
        """Call a release failed; the current one stays."""
        raise NotImplementedError

    def current(self) -> Release | None:
        """The release that is in use."""
        raise NotImplementedError

    def previous_good(self) -> Release | None:
        """The release that a rollback without a number goes to."""
        raise NotImplementedError

    def get(self, number: int) -> Release:
        """One release; InputError where there is none of that number."""
        raise NotImplementedError

    def list(self) -> tuple[Release, ...]:
        """All releases, by number."""
        raise NotImplementedError

    def bundle(self, number: int) -> Bundle:
        """The files of a release, checked against their digests."""
        raise NotImplementedError

    def prune(self, keep: int) -> tuple[int, ...]:
        """Remove all but the newest; the current and the previous good one stay. Returns the removed numbers."""
        raise NotImplementedError
