"""The site's own models, looked at by the service that was built on this host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from orthancgen.errors import StartError
from orthancgen.plan.model import Plan
from orthancgen.runtimes import models
from orthancgen.runtimes.report import Report

_AGAIN: Final = "take the folder apps/analysis-... out of the state folder and deploy again: it is built anew"


def check(plan: Plan, app: Path, report: Report) -> str:
    """As :func:`orthancgen.runtimes.models.check`, by the built service in the folder `app`."""

    def ask(cards: Sequence[str]) -> bytes:
        try:
            return subprocess.run(
                [str(app / "bin/python"), *models.MODULE, *cards], capture_output=True, stdin=subprocess.DEVNULL,
                timeout=models.SECONDS, check=False, env={"PATH": os.defpath},
            ).stdout  # fmt: skip
        except subprocess.TimeoutExpired:
            raise StartError(
                f"the models were not read within {models.SECONDS} seconds", hint="are they on a slow disk?"
            ) from None
        except OSError as error:
            raise StartError(f"the models cannot be looked at ({type(error).__name__})", hint=_AGAIN) from None

    return models.check(plan, ask, report, again=_AGAIN)
