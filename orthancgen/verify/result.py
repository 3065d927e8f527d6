"""What came of a check: a value, with what was expected and what was seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

Group = Literal["positive", "negative"]
"""positive: what must work, works; negative: what must be refused, is refused, and for the right reason."""


class Outcome(StrEnum):
    """How a check ended. Skipped is only what the model, or this host's place in the network, makes inapplicable."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says.

    Attributes:
        outcome: how it ended.
        expected: what the model asks for, for a reader.
        seen: what was there; where it was skipped, why it does not apply.
        hint: what the reader can do about it, or None.
    """

    outcome: Outcome
    expected: str
    seen: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What came of one check; holds neither secrets nor patient data.

    Attributes:
        id: the name of the check, in kebab-case.
        title: what it proves, for a reader.
        group: whether something must work or must be refused.
        outcome: how it ended.
        expected: what the model asks for.
        seen: what was there; where it was skipped, why it does not apply.
        seconds: how long it took.
        hint: what the reader can do about it, or None.
    """

    id: str
    title: str
    group: Group
    outcome: Outcome
    expected: str
    seen: str
    seconds: float
    hint: str | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong: a check that does not apply is no failure."""
        return self.outcome is not Outcome.FAILED

    def as_dict(self) -> dict[str, Any]:
        """The result for a JSON document."""
        return asdict(self) | {"outcome": str(self.outcome), "seconds": round(self.seconds, 3)}


def verdict(good: bool, expected: str, seen: str, hint: str | None = None) -> Verdict:
    """Passed or failed; the hint is for a failure alone."""
    return Verdict(Outcome.PASSED, expected, seen) if good else Verdict(Outcome.FAILED, expected, seen, hint)


def skipped(expected: str, reason: str) -> Verdict:
    """A check that does not apply, and why."""
    return Verdict(Outcome.SKIPPED, expected, reason)


def summary(results: tuple[CheckResult, ...]) -> str:
    """``17 of 17 passed``, with those that do not apply named apart."""
    skips = sum(result.outcome is Outcome.SKIPPED for result in results)
    passes = sum(result.outcome is Outcome.PASSED for result in results)
    text = f"{passes} of {len(results) - skips} passed"
    return f"{text}, {skips} not applicable" if skips else text
