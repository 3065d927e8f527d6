"""How long do `validate` and `render` take as whole processes? Against their imports, against copier and ansible."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import yaml

from bench.figures import Result, Size, Target, alternate, ratio
from orthancgen.resources import locate

VALIDATE = Target("at most", 2.0)
RENDER = Target("below", 1.0)
ENVIRONMENT = "prod"
PAIRS: tuple[tuple[str, str, int], ...] = (
    ("validate, s", "its imports, s", 15),
    ("render, s", "copier, s", 15),
    ("render, s", "ansible-playbook, s", 5),
)
"""What is run in turn, and how often at least: whole processes are short and uneven."""

_MODULES = """
import json, sys
from importlib.metadata import packages_distributions
import orthancgen.cli
sys.argv = ["orthancgen", "validate", sys.argv[1]]
try:
    orthancgen.cli.main()
except SystemExit as end:
    assert not end.code, end.code
packages = set(packages_distributions()) - {"orthancgen"}
names = [name for name, module in list(sys.modules.items()) if name.split(".")[0] in packages and module is not None]
print(json.dumps(names), file=sys.stderr)
"""


def measure(size: Size, folder: Path) -> Result:
    """Whole processes in turn: ours, the imports alone, copier, ansible-playbook."""
    environment = locate("environments") / f"{ENVIRONMENT}.yaml"
    rendered = folder / "rendered"
    _run([*_orthancgen(), "render", str(environment), "-o", str(rendered)], folder)
    files = sorted(path for path in rendered.rglob("*") if path.is_file())
    imports = _imports(environment, folder)
    copier, ansible = (
        _copier_template(files, rendered, folder / "copier"),
        _playbook(files, rendered, folder / "ansible"),
    )
    out = folder / "out"
    commands: dict[str, Sequence[str]] = {
        "validate, s": [*_orthancgen(), "validate", str(environment)],
        "its imports, s": [sys.executable, "-c", imports],
        "render, s": [*_orthancgen(), "render", str(environment), "-o", str(out)],
        "copier, s": [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults", str(copier), str(out)],
        "ansible-playbook, s": [
            str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local",
            "-e", json.dumps({"out": str(out), "ansible_python_interpreter": sys.executable}), str(ansible),
        ],
    }  # fmt: skip

    def timed(name: str) -> Mapping[str, float]:
        shutil.rmtree(out, ignore_errors=True)
        started = time.perf_counter()
        _run(commands[name], folder)
        seconds = time.perf_counter() - started
        if "render" in name or "copier" in name or "ansible" in name:
            _require_files(out, files, rendered)
        return {name: seconds}

    if not size.quick:
        for name in commands:
            timed(name)  # compiled modules and the file cache are warm for all
    measured = [
        alternate(1 if size.quick else max(size.rounds, rounds), partial(timed, ours), partial(timed, theirs))
        for ours, theirs, rounds in PAIRS
    ]
    return Result(
        "commands",
        f"whole processes on the shipped environment {ENVIRONMENT}; render, copier and ansible write {len(files)} "
        "files with the same content into an empty folder",
        (
            ratio("time of orthancgen validate / importing the same libraries", measured[0], *PAIRS[0][:2], VALIDATE),
            ratio("time of orthancgen render / copier copy", measured[1], *PAIRS[1][:2], RENDER),
            ratio(
                "time of orthancgen render / ansible-playbook with template tasks", measured[2], *PAIRS[2][:2], RENDER
            ),
        ),
        (
            f"The imports are the {imports.count(',') + 1} modules of other packages that validate had in sys.modules.",
            "render also loads, checks and plans the environment; copier and ansible only fill in ready templates.",
        ),
        not size.quick,
    )


def _orthancgen() -> list[str]:
    return [sys.executable, "-m", "orthancgen"]


def _run(command: Sequence[str], folder: Path) -> str:
    """Run to its end; AssertionError with what it printed where it fails."""
    ansible = {"ANSIBLE_HOME": str(folder / "ansible-home"), "ANSIBLE_LOCALHOST_WARNING": "false"}
    environment = os.environ | ansible | {"NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}"
    return done.stderr


def _imports(environment: Path, folder: Path) -> str:
    """A program that imports every module of another package that ``validate`` imports."""
    names: list[str] = json.loads(_run([sys.executable, "-c", _MODULES, str(environment)], folder).splitlines()[-1])
    importable = [name for name in names if all(part.isidentifier() for part in name.split("."))]
    return "import " + ", ".join(importable)


def _template(content: str, name: str) -> str:
    """A template whose result is as long as the content: a tenth of it is filled in, the rest stands as it is."""
    head = content[: len(content) // 10]
    return f"{{{{ {name} }}}}{{% raw %}}{content[len(head) :]}{{% endraw %}}"


def _variables(files: Sequence[Path]) -> dict[str, str]:
    texts = (path.read_text(encoding="utf-8") for path in files)
    return {f"head_{number}": text[: len(text) // 10] for number, text in enumerate(texts)}


def _copier_template(files: Sequence[Path], root: Path, folder: Path) -> Path:
    for number, path in enumerate(files):
        target = folder / f"{path.relative_to(root)}.jinja"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_template(path.read_text(encoding="utf-8"), f"head_{number}"), encoding="utf-8")
    questions = {
        name: {"type": "str", "default": "{% raw %}" + text + "{% endraw %}"}
        for name, text in _variables(files).items()
    }
    settings: dict[str, object] = {"_envops": {"keep_trailing_newline": True}, **questions}
    (folder / "copier.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def _playbook(files: Sequence[Path], root: Path, folder: Path) -> Path:
    tasks: list[dict[str, object]] = []
    for folder_name in sorted({str(path.parent.relative_to(root)) for path in files}):
        arguments: dict[str, object] = {"path": "{{ out }}/" + folder_name, "state": "directory", "mode": "0755"}
        tasks.append({"name": f"folder {folder_name}", "ansible.builtin.file": arguments})
    for number, path in enumerate(files):
        relative = path.relative_to(root)
        source = folder / f"{relative}.j2"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(_template(path.read_text(encoding="utf-8"), f"head_{number}"), encoding="utf-8")
        arguments = {"src": str(source), "dest": "{{ out }}/" + str(relative), "mode": "0644"}
        tasks.append({"name": f"file {relative}", "ansible.builtin.template": arguments})
    play = {"hosts": "all", "gather_facts": False, "vars_files": [str(folder / "vars.yaml")], "tasks": tasks}
    (folder / "vars.yaml").write_text(yaml.safe_dump(_variables(files)), encoding="utf-8")
    playbook = folder / "playbook.yaml"
    playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
    return playbook


def _require_files(out: Path, files: Sequence[Path], root: Path) -> None:
    for path in files:
        written = out / path.relative_to(root)
        assert written.is_file(), f"{written} was not written"
        assert written.read_bytes() == path.read_bytes(), f"{written} is not what was to be written"
