"""The arrows between the parts: site <- plan <- render <- verbs <- cli; `orthanc` depends on nothing but `errors`."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

import orthancgen
from orthancgen.cli import VERBS, attribute_of

PACKAGE = Path(orthancgen.__file__).parent
BASIS = {"errors", "resources", "__init__"}
"""Modules at the top that everything may use."""

MAY_USE: dict[str, set[str]] = {
    "errors": set(),
    "resources": {"errors"},
    "orthanc": {"errors"},
    "dicom": {"errors"},
    "site": {"errors", "orthanc"},
    "plan": {"errors", "orthanc", "site"},
    "render": {*BASIS, "firewall", "orthanc", "plan", "site"},
    "firewall": {"errors", "orthanc", "plan", "render", "site"},
    "foreign": {"errors", "orthanc", "site"},
    "audit": {*BASIS, "firewall", "foreign", "orthanc", "plan", "render", "site"},
    "upgrade": {"errors", "foreign", "orthanc", "plan", "render", "site"},
    "sheets": {*BASIS, "access", "firewall", "orthanc", "plan", "render", "site"},
    "modalities": {
        *("audit", "dicom", "errors", "firewall", "importing", "plan", "runtimes", "site", "verify"),
    },
    "importing": {*BASIS, "foreign", "orthanc", "plan", "render", "secrets", "site"},
}
"""What each part that is no verb may import. The dialects of firewalls are of the layer of render."""


def modules_of(part: str) -> list[Path]:
    single = PACKAGE / f"{part}.py"
    return [single] if single.is_file() else sorted((PACKAGE / part).rglob("*.py"))


def imports_of(file: Path) -> set[str]:
    """Parts of orthancgen that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide where they go"
            names = [alias.name for alias in node.names] if node.module == "orthancgen" else [""]
            found |= {f"{node.module}.{name}" for name in names}
    return {name.split(".")[1] for name in found if name.startswith("orthancgen.") and name.split(".")[1]}


@pytest.mark.parametrize("part", MAY_USE)
def test_a_part_imports_only_what_lies_before_it(part: str) -> None:
    files = modules_of(part)
    assert files
    for file in files:
        used = imports_of(file) - {part, "__version__"}
        assert used <= MAY_USE[part], f"{file.relative_to(PACKAGE)} imports {used - MAY_USE[part]}"


def test_nothing_but_the_entry_imports_the_command_line() -> None:
    users = {f.relative_to(PACKAGE).parts[0] for f in PACKAGE.rglob("*.py") if "cli" in imports_of(f)}
    assert users <= {"cli", "__main__.py"}


def test_no_pure_part_reads_a_clock_the_network_or_chance() -> None:
    effects = {"time", "random", "secrets", "socket", "httpx", "subprocess", "uuid", "urllib.request"}
    allowed = {"orthanc/detect.py": {"subprocess"}}
    for part in ("site", "plan", "render", "orthanc"):
        for file in modules_of(part):
            names: set[str] = set()
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module)
            where = str(file.relative_to(PACKAGE))
            assert not names & effects - allowed.get(where, set()), where


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_its_command(verb: str) -> None:
    module, line = VERBS[verb]
    assert (PACKAGE / "cli" / f"{module}.py").is_file()
    command = getattr(importlib.import_module(f"orthancgen.cli.{module}"), attribute_of(verb))
    assert isinstance(command, click.Command)
    assert command.help
    assert line.endswith(".")


def test_each_module_with_a_command_has_a_verb() -> None:
    with_commands = set()
    for file in sorted((PACKAGE / "cli").glob("[a-z]*.py")):
        module = importlib.import_module(f"orthancgen.cli.{file.stem}")
        if any(isinstance(value, click.Command) for value in vars(module).values()):
            with_commands.add(file.stem)
    assert with_commands == {module for module, _ in VERBS.values()}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-h"]])
def test_help_starts_fast(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom orthancgen.cli import main\nsys.argv = ['orthancgen', *sys.argv[1:]]\n"
        "try:\n    main()\nfinally:\n    print('loaded:', *sorted(sys.modules))\n"
    )
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    loaded = run.stdout.rpartition("loaded:")[2].split()
    heavy = {"pydantic", "httpx", "pynetdicom", "pydicom", "yaml", "jinja2", "rich", "docker", "pymongo", "jsonschema"}
    assert "click" in loaded
    assert not heavy & set(loaded)
    assert {m for m in loaded if m.startswith("orthancgen.cli.")} == {
        "orthancgen.cli.examples",
        "orthancgen.cli.groups",
    }
