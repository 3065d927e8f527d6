"""Figures of tests for `make proof`: what was counted, how many, and what came of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol

import pytest

VARIABLE = "ORTHANCGEN_PROOF_FILE"
"""Names the file that takes the figures, a JSON document a line; without it they go nowhere."""


class ProofFigures(Protocol):
    """Takes a figure of the test that asked for it."""

    def __call__(self, what: str, count: int, result: str) -> None:
        """Keep it: what was counted, how many there were, and what came of them; no patient data, no secrets."""


def tell_count(test: str, what: str, count: int, result: str) -> None:
    """Tell `make proof` what was counted by a test, or by a file of tests; without it the figure goes nowhere."""
    path = os.environ.get(VARIABLE)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"test": test, "what": what, "count": count, "result": result}) + "\n")


@pytest.fixture
def proof_figures(request: pytest.FixtureRequest) -> ProofFigures:
    """Tells `make proof` what this test counted, for docs/proof.md: ``proof_figures("kills", 30, "nothing lost")``."""
    test = request.node.nodeid

    def keep(what: str, count: int, result: str) -> None:
        tell_count(test, what, count, result)

    return keep
