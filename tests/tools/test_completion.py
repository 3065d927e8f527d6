"""Bash, zsh and fish complete what is typed, each by its own means; nothing heavy is imported for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orthancgen.cli import VERBS
from orthancgen.cli.completion import SHELLS
from orthancgen.resources import locate
from tests.support.console import variables
from tests.support.servers import require_program

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with environments, and the command on the search path that the shells get."""
    shutil.copytree(locate("environments"), tmp_path / "environments")
    program = tmp_path / "bin" / "orthancgen"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom orthancgen.cli import main\n\nmain()\n")
    program.chmod(0o755)
    return tmp_path


def run(folder: Path, *command: str, **more: str) -> str:
    path = os.pathsep.join((str(folder / "bin"), os.environ["PATH"]))
    environment = variables(PATH=path, PYTHONPATH=str(ROOT), **more) | {"HOME": str(folder)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def script(folder: Path, shell: str) -> Path:
    """The completion of a shell, as the command prints it."""
    path = folder / f"completion.{shell}"
    path.write_text(run(folder, "orthancgen", "completion", shell))
    return path


TYPED = {
    "val": {"validate"},
    "validate ": {"dev", "prod", "staging"},
    "deploy pr": {"prod"},
    "audit --form": {"--format"},
    "audit --format js": {"json"},
    "secrets ro": {"rotate"},
}


@pytest.mark.parametrize("typed", TYPED)
def test_bash_completes(folder: Path, typed: str) -> None:
    words = ["orthancgen", *typed.split(" ")]
    array = " ".join(f"'{word}'" for word in words)
    program = (
        f"source {script(folder, 'bash')}; COMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; "
        "_orthancgen_completion orthancgen; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    printed = run(folder, require_program("bash", "apt-get install bash"), "--norc", "-c", program)
    assert set(printed.split()) == TYPED[typed]


@pytest.mark.parametrize("typed", ["validate ", "deploy pr"])
def test_fish_completes(folder: Path, typed: str) -> None:
    fish = require_program("fish", "apt-get install fish")
    program = f"source {script(folder, 'fish')}; complete --do-complete 'orthancgen {typed}'"
    printed = run(folder, fish, "--no-config", "-c", program)
    assert {line.split("\t")[0] for line in printed.splitlines()} == TYPED[typed]


def test_zsh_reads_it(folder: Path) -> None:
    zsh = require_program("zsh", "apt-get install zsh")
    program = f"autoload -Uz compinit && compinit -u && source {script(folder, 'zsh')}; print ${{_comps[orthancgen]}}"
    assert run(folder, zsh, "-f", "-c", program).strip() == "_orthancgen_completion"


def test_every_verb_is_offered_and_none_imported(folder: Path) -> None:
    more = {"_ORTHANCGEN_COMPLETE": "fish_complete", "COMP_WORDS": "orthancgen ", "COMP_CWORD": ""}
    code = (
        "import sys\nfrom orthancgen.cli import main\nsys.argv = ['orthancgen']\n"
        "try:\n    main()\nfinally:\n    print(*sorted(m for m in sys.modules if m.startswith('orthancgen.cli.')))\n"
    )
    *lines, imported = run(folder, sys.executable, "-c", code, **more).splitlines()
    assert {line.split(",")[1].split("\t")[0] for line in lines} >= set(VERBS)
    assert imported == "orthancgen.cli.examples orthancgen.cli.groups"


def test_there_is_one_for_each_shell_that_is_named() -> None:
    assert set(SHELLS) == {"bash", "zsh", "fish"}
