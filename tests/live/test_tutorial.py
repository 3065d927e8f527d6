"""The tutorial, word for word: each of its commands in an empty folder, with the exit code and output that it shows."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from orthancgen.runtimes.state import VARIABLE
from tests.support.console import shell, steps_of, variables
from tests.support.servers import require_program

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
pytestmark = pytest.mark.live


def test_each_command_does_what_the_tutorial_shows(native_apps: Path, state_root: Path, tmp_path: Path) -> None:
    steps = steps_of(TUTORIAL)
    assert len(steps) > 20
    # A network of its own, with its loopback alone: the ports of the tutorial may be taken on this machine.
    unshare = require_program("unshare", "apt-get install util-linux")
    state = state_root / "tutorial"
    state.mkdir()
    (state / "apps").symlink_to(native_apps)
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = variables(PATH=path, PYTHONPATH=str(ROOT), **{VARIABLE: str(state)})
    passed_on = {name: os.environ[name] for name in os.environ if name.startswith("ORTHANCGEN_") and name != VARIABLE}
    with shell(tmp_path, environment | passed_on, unshare, "--net", "--") as typed:
        assert typed.run("ip link set lo up") == (0, "\n")
        try:
            for step in steps:
                code, printed = typed.run(step.command)
                where = f"{TUTORIAL.name}:{step.line}: {step.command}"
                assert code == step.code, f"{where}\nexit {code}\n{printed}"
                assert step.is_like(printed), f"{where}\nshown:\n{step.shown}\nprinted:\n{printed}"
        finally:
            typed.run("orthancgen down dev")
