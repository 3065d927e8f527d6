"""Faults on purpose: a run that is cut off, or fails, at a step of its choice.

That a deploy which is killed at any point can be taken up by the next one is a promise. It can be proven on the
program that is shipped, by letting it be killed at each step in turn, and in no other way: a test that stands in for
steps proves itself. So the switch is part of the program. It is dead unless two variables are set, one of which has
no other purpose than to say that this is wanted:

    ORTHANCGEN_FAULTS_ALLOWED=1 ORTHANCGEN_FAULT=kill@verify orthancgen deploy test

``kill@STEP`` ends the process as ``kill -9`` does, ``fail@STEP`` raises an error; several are joined by commas. The
steps are those of :data:`orthancgen.release.journal.STEPS`.
"""

from __future__ import annotations

import os
import signal
from typing import Final

from orthancgen.errors import DeployError

FAULT: Final = "ORTHANCGEN_FAULT"
ALLOWED: Final = "ORTHANCGEN_FAULTS_ALLOWED"


def fault_at(step: str) -> None:
    """Be killed or fail here, where that was asked for.

    Raises:
        DeployError: ``fail@`` this step was asked for.
    """
    if os.environ.get(ALLOWED) != "1":
        return
    wanted = os.environ.get(FAULT, "").split(",")
    if f"kill@{step}" in wanted:
        os.kill(os.getpid(), signal.SIGKILL)
    if f"fail@{step}" in wanted:
        raise DeployError(f"failed on purpose at the step {step}", hint=f"{FAULT} is set: unset it")
