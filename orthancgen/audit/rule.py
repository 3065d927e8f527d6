"""A rule of the audit, and what it finds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

from orthancgen.audit.references import Reference
from orthancgen.site.problems import KeyPath, Mark

if TYPE_CHECKING:
    from orthancgen.audit.subject import Subject


class Severity(IntEnum):
    """How bad it is, from a remark to an open door."""

    NOTE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """As it is written in options and reports."""
        return self.name.lower()


Confidence = Literal["certain", "likely", "possible"]
"""certain: seen in the files; likely: it follows unless something outside of them prevents it; possible: look there."""


@dataclass(frozen=True, slots=True)
class SetValue:
    """A certain remedy: a value at a key path of a JSON file, to be set or (``value`` is `REMOVE`) removed."""

    file: str
    path: KeyPath
    value: object


REMOVE = object()


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule found at one place.

    Attributes:
        message: what is wrong here, one sentence, without any secret.
        mark: where; None where it is wrong that something is missing altogether.
        file: the file, where there is no mark.
        path: keys and indexes from the outside in; with the file it names the place whatever line it moves to.
        hint: the remedy here, where it says more than that of the rule.
        severity: here, where it is another than that of the rule.
        fix: what `--fix` does; None where a person has to decide.
    """

    message: str
    mark: Mark | None = None
    path: KeyPath = ()
    file: str = ""
    hint: str | None = None
    severity: Severity | None = None
    fix: SetValue | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        id: says the fault in kebab-case; never changed, never used again.
        severity: where the hit does not say otherwise.
        title: what is wrong, a sentence without a full stop.
        why: why it matters: what somebody can do, what is lost.
        remedy: what to do.
        references: at least one.
        find: every place at which it holds.
    """

    id: str
    severity: Severity
    confidence: Confidence
    title: str
    why: str
    remedy: str
    references: tuple[Reference, ...]
    find: Callable[[Subject], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why a finding is accepted, by whom and until when (ISO 8601, "" for ever); `kind` is where that is written."""

    kind: Literal["waiver", "baseline"]
    reason: str
    owner: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A hit of a rule in a target.

    Attributes:
        file: relative to the working folder where it lies below it.
        fingerprint: the same as long as rule, file and key path are, whatever line that is on.
        suppression: why it is accepted, or None.
    """

    rule: Rule
    message: str
    severity: Severity
    file: str
    mark: Mark | None
    path: KeyPath
    hint: str
    fingerprint: str
    fix: SetValue | None = None
    suppression: Suppression | None = None

    @property
    def counts(self) -> bool:
        """Whether nobody has accepted it."""
        return self.suppression is None


def fingerprint(rule: str, file: str, path: KeyPath, number: int = 0) -> str:
    """A name for a finding that stays when lines move. ``number`` tells several at one place apart."""
    parts = [rule, file, *(str(part).replace("~", "~0").replace("/", "~1") for part in path), str(number)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
