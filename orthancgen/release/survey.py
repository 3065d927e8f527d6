"""What ``plan`` shows: what a deploy would change, what is not as the last one left it, and what stands in the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from orthancgen.release.difference import Difference
from orthancgen.release.drift import PASSING, Drift
from orthancgen.release.journal import Entry
from orthancgen.release.lock import Holder
from orthancgen.release.model import Release


@dataclass(frozen=True, slots=True)
class Survey:
    """The outcome of looking at an environment without touching it.

    Attributes:
        plan_id: a name for exactly what would be applied; ``deploy --plan`` refuses any other.
        current: the release in use; None before the first.
        difference: between it and what is wanted.
        drift: between it and what is there.
        holders: who holds the lock.
        unfinished: a change that was cut off.
    """

    plan_id: str
    current: Release | None
    difference: Difference
    drift: tuple[Drift, ...] = ()
    holders: tuple[Holder, ...] = ()
    unfinished: Entry | None = None

    def __bool__(self) -> bool:
        """Whether there is something to do."""
        return bool(self.difference or self.drift or self.unfinished)

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return {
            "plan": self.plan_id,
            "release": self.current.number if self.current else None,
            **self.difference.as_dict(),
            "drift": [asdict(one) for one in self.drift],
            "locked": [str(holder) for holder in self.holders],
            "unfinished": str(self.unfinished) if self.unfinished else None,
        }


def moved_id(target_id: str, current: Release | None, drift: Sequence[Drift] = ()) -> str:
    """A plan's id: what would be applied, and what it would be applied to.

    Args:
        target_id: a name for all that is wanted.
        current: the release in use.
        drift: what is not as it should be; what comes and goes by itself does not count.
    """
    digest = hashlib.sha256(f"{target_id}\0{current.number if current else 0}\0".encode())
    for one in sorted(str(one) for one in drift if one.kind not in PASSING):
        digest.update(f"{one}\0".encode())
    return digest.hexdigest()[:12]
