"""A check as data: what it is called, which group it belongs to, and the function that gives the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orthancgen.verify.context import Context
from orthancgen.verify.result import Group, Verdict

Examine = Callable[[Context], Verdict]


@dataclass(frozen=True, slots=True)
class Check:
    """One proof.

    Attributes:
        id: its name, in kebab-case.
        title: what it proves, for a reader.
        group: whether something must work or must be refused.
        examine: gives the verdict; may raise anything, which is a failure of the check.
    """

    id: str
    title: str
    group: Group
    examine: Examine
