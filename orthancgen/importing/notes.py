"""What became of each key of an imported configuration, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from orthancgen.site.problems import KeyPath, Mark


class Outcome(StrEnum):
    """What became of a key. The text is the word of the reports."""

    CARRIED = "carried"
    """To the field of the model that says the same."""
    EXPRESSED = "said otherwise"
    """The model says the same in other terms."""
    SETTING = "kept as a setting"
    """It stands under ``orthanc.settings`` as it was."""
    SECRET = "moved to a secret"  # noqa: S105  a word of reports
    """The value is in the store of secrets; the environment refers to it."""
    SPELLED_OUT = "default spelled out"
    """It is not written there: the default of Orthanc, or of its image, is another one than ours."""
    AS_DEFAULT = "as without it"
    """It says what holds without it."""
    CHANGED = "changed"
    """The model refuses it as it was."""
    REMARK = "remark"
    """A key that is meant as a comment."""
    WITHOUT_EFFECT = "without effect"
    """Orthanc does not act on it, because of another setting."""
    MISSPELT = "misspelt"
    UNKNOWN = "unknown"
    NEVER_EXISTED = "never existed"
    RETIRED = "retired"
    TOO_NEW = "too new"
    THIRD_PARTY = "section of others"
    """A section at the top level that no plugin known to us reads."""
    LOST = "not carried over"
    """The model cannot express it."""


ATTENTION: Final = frozenset(
    {
        Outcome.LOST,
        Outcome.MISSPELT,
        Outcome.UNKNOWN,
        Outcome.NEVER_EXISTED,
        Outcome.RETIRED,
        Outcome.TOO_NEW,
        Outcome.THIRD_PARTY,
    }
)
"""What somebody should look at: something that was written there does not hold, there or here."""


@dataclass(frozen=True, slots=True)
class Note:
    """What became of one key.

    Attributes:
        path: the key in the configuration; empty where it is not about one key.
        outcome: what became of it.
        message: one sentence, without secrets; empty where the outcome says all.
        mark: where it is written; None where it is not written.
        to: where it went in the environment.
        hint: what to do about it.
    """

    path: KeyPath
    outcome: Outcome
    message: str = ""
    mark: Mark | None = None
    to: KeyPath | None = None
    hint: str | None = None

    @property
    def counts(self) -> bool:
        """Whether somebody should look at it."""
        return self.outcome in ATTENTION
