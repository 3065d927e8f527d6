"""What the advisor says: one `Advice` a fact, and the `Report` that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import KeyPath, Mark
from orthancgen.upgrade.change import Certainty


class Kind(StrEnum):
    """What sort of news it is, in the order of the report."""

    BREAKS = "breaks"
    MEANING = "meaning"
    RETURNS = "returns"
    """A vulnerability that the other version has again."""
    OPEN = "open"
    """A vulnerability that stays."""
    FIXED = "fixed"
    """A vulnerability that the other version no longer has."""
    LOST = "lost"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that is otherwise in the other version.

    Attributes:
        id: of the change, ``key:NAME`` of a key of Orthanc, or of the vulnerability.
        component: ``orthanc``, ``index``, a plugin, ``orthancteam`` (its image), ``dcmtk``, ``mongo``.
        what: a whole sentence without its full stop, without any secret.
        remedy: what to do, or "".
        concerns: whether it concerns this environment; what does not is shown only where everything is asked for.
        whom: whom it concerns where no setting can tell, such as ``REST API``; else "".
        path, mark: where what makes it so is decided; empty where that is nowhere, as with a default.
        severity: of a vulnerability, else "".
        source: where it was read, or what was run.
    """

    kind: Kind
    id: str
    component: str
    what: str
    source: str
    remedy: str = ""
    concerns: bool = True
    whom: str = ""
    path: KeyPath = ()
    mark: Mark | None = None
    severity: str = ""
    certainty: Certainty = "read"


@dataclass(frozen=True, slots=True)
class Index:
    """What becomes of Orthanc's own index (SQLite).

    Attributes:
        old_schema, new_schema: newest schema of each version.
        usable: whether the version to which one goes can work with an index that the other one has had.
        way_back: why the older version cannot work with an index that the newer one has had; empty where it can.
    """

    old_schema: int
    new_schema: int
    usable: bool
    way_back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do: a sentence, the command that does it or "", and the place to edit if it is one."""

    what: str
    command: str = ""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one change of version.

    Attributes:
        old, new: the version that runs, and the one to which one goes.
        advice: what is otherwise, in the order of the report, what does not concern the subject included.
        steps: how to do it, in order.
    """

    name: str
    old: Version
    new: Version
    advice: tuple[Advice, ...]
    index: Index
    steps: tuple[Step, ...] = ()

    @property
    def direction(self) -> Literal["upgrade", "downgrade", "same"]:
        """Which way it goes."""
        if self.old == self.new:
            return "same"
        return "upgrade" if self.old < self.new else "downgrade"

    @property
    def concerning(self) -> tuple[Advice, ...]:
        """What concerns the subject."""
        return tuple(one for one in self.advice if one.concerns)
