"""The site's own models, looked at before anything is touched: each card, its model's digest, and whether it runs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from orthancgen.errors import DeployError, StartError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.report import Report
from orthancgen.site.problems import printable

_SECONDS: Final = 300
_LONGEST: Final = 400
_AGAIN: Final = "take the folder apps/analysis-... out of the state folder and deploy again: it is built anew"


def check(plan: Plan, app: Path, report: Report) -> str:
    """Have the built service itself look at every card, as it does when it starts.

    Args:
        plan: what is wanted.
        app: the built service of analysis.
        report: told about it.

    Returns:
        A text that changes with any byte of a card or a model; empty without models.

    Raises:
        DeployError: a model cannot be used; names all that cannot, with the reason of each.
    """
    cards = plan.site.analysis.models
    if not cards:
        return ""
    report.started("models")
    found = _ask(app, list(cards.values()))
    wrong = [
        f"analysis.models.{name}: {problem}"
        for name, said in zip(cards, found, strict=True)
        if (problem := _problem(name, said))
    ]
    if wrong:
        raise DeployError(
            "models cannot be used:\n  " + "\n  ".join(wrong),
            hint="docs/analysis.md says what a card holds; sha256sum MODEL gives the digest",
        )
    report.done("models", f"{len(cards)} as their cards say")
    return json.dumps(found, sort_keys=True)


def _problem(name: str, said: dict[str, Any]) -> str | None:
    if said.get("problem") is not None:
        return printable(str(said["problem"]), _LONGEST)
    if said.get("id") != name:
        return f"the card's id is {printable(str(said.get('id')), 40)}: name it so here, or change the card"
    return None


def _ask(app: Path, cards: list[str]) -> list[dict[str, Any]]:
    command = [str(app / "bin/python"), "-I", "-m", "orthancgen_analysis.cards", *cards]
    try:
        done = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False,
            env={"PATH": os.defpath},
        )  # fmt: skip
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise StartError(
            f"the models were not read within {_SECONDS} seconds", hint="are they on a slow disk?"
        ) from None
    except (OSError, ValueError) as error:
        raise StartError(f"the models cannot be looked at ({type(error).__name__})", hint=_AGAIN) from None
    if not isinstance(found, list) or len(found) != len(cards):
        raise StartError("the models cannot be looked at", hint=_AGAIN)
    return found
