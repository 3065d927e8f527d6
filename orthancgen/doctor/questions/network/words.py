"""Words of others in sentences and commands: nothing in them moves a cursor or ends a command."""

from __future__ import annotations

import shlex
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.site.problems import printable

_LONGEST: Final = 400


def env(case: Case) -> str:
    """ENV as a shell reads it back."""
    return shlex.quote(printable(case.env))


def line(text: str) -> str:
    """One line of something that was read."""
    return printable(" ".join(text.split()), _LONGEST)
