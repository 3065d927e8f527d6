"""The site's own models, looked at before anything is touched: each card, its model's digest, and whether it runs.

The service of analysis looks itself (`python -m orthancgen_analysis.cards`); how it is called is the runtime's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from orthancgen.errors import DeployError, StartError
from orthancgen.plan.model import Plan
from orthancgen.render.analysis_json import card_file
from orthancgen.runtimes.report import Report
from orthancgen.site.problems import printable

MODULE: Final = ("-I", "-m", "orthancgen_analysis.cards")
"""What follows Python; then come the cards."""
SECONDS: Final = 300
"""How long all of them may take."""
_LONGEST: Final = 400


def check(plan: Plan, ask: Callable[[Sequence[str]], bytes], report: Report, *, again: str) -> str:
    """Have the service itself look at every card, as it does when it starts.

    Args:
        plan: what is wanted.
        ask: runs the service's look on cards, given as it finds them, and returns what it printed.
        report: told about it.
        again: what to do where the service did not say anything that can be read.

    Returns:
        A text that changes with any byte of a card or a model; empty without models.

    Raises:
        DeployError: a model cannot be used; names all that cannot, with the reason of each.
        StartError: the service could not look.
    """
    names = list(plan.site.analysis.models)
    if not names:
        return ""
    report.started("models")
    found = _read(ask([card_file(plan, name) for name in names]), len(names), again)
    wrong = [
        f"analysis.models.{name}: {problem}"
        for name, said in zip(names, found, strict=True)
        if (problem := _problem(name, said))
    ]
    if wrong:
        raise DeployError(
            "models cannot be used:\n  " + "\n  ".join(wrong),
            hint="docs/analysis.md says what a card holds; sha256sum MODEL gives the digest",
        )
    report.done("models", f"{len(names)} as their cards say")
    return json.dumps(found, sort_keys=True)


def _problem(name: str, said: dict[str, Any]) -> str | None:
    if said.get("problem") is not None:
        return printable(str(said["problem"]), _LONGEST)
    if said.get("id") != name:
        return f"the card's id is {printable(str(said.get('id')), 40)}: name it so here, or change the card"
    return None


def _read(printed: bytes, count: int, again: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(printed)
    except ValueError as error:
        raise StartError(f"the models cannot be looked at ({type(error).__name__})", hint=again) from None
    if not isinstance(found, list) or len(found) != count or not all(isinstance(said, dict) for said in found):
        raise StartError("the models cannot be looked at", hint=again)
    return found
