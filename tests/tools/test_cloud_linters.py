"""cfn-lint, checkov, Terraform itself and a grammar of PowerShell accept the rules that cannot be loaded here.

What is installed apart stands in `cloud_linters/requirements.txt`. Terraform is used where it is installed: no
package index has it; `tests.support.readback` reads its modules back in any case. Nothing here may call out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from orthancgen.errors import RenderError
from orthancgen.firewall.aws import AWS
from orthancgen.firewall.azure import AZURE
from orthancgen.firewall.google_cloud import GOOGLE_CLOUD
from orthancgen.firewall.policy import Filter
from orthancgen.firewall.windows import WINDOWS
from orthancgen.render.quoting import hcl
from tests.support.hostile import CORPUS
from tests.support.policies import Generated, generated
from tests.support.tool_environments import checkov_python

CLOUDS: Final = (AWS, GOOGLE_CLOUD, AZURE)
SEEDS: Final = (11, 16, 35, 47)
"""With and without containers and a VPN; no management from everywhere, which checkov rightly finds."""
SKIPPED: Final = "CKV2_AWS_5"
"""A group that is attached to nothing: whoever uses the module attaches it, as the module says. checkov reads no
skips from Terraform's JSON."""
CFN_LINT: Final = "import sys; from cfnlint.runner import main; sys.exit(main())"
OFFLINE: Final = {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull, "LOG_LEVEL": "ERROR"}


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of the linters' own environment."""
    return checkov_python()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of every cloud and of Windows, for each seed."""
    folder = tmp_path_factory.mktemp("firewall")
    for seed in SEEDS:
        write(generated(seed, folder), folder / str(seed))
    return folder


def write(one: Generated, folder: Path) -> None:
    for dialect in (*CLOUDS, WINDOWS):
        for file in dialect.files:
            path = folder / dialect.name / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.build(one.plan, one.policy).encode("ascii"))


def run(command: list[str | Path], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **OFFLINE, **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def failed_checks(python: Path, folder: Path, *skipped: str) -> tuple[set[str], int]:
    """The rules that checkov finds broken, and how many checks passed."""
    command: list[str | Path] = [
        python, "-m", "checkov.main", "-d", folder, "--framework", "terraform_json", "cloudformation",
        "--skip-download", "--output", "json", "--compact",
    ]  # fmt: skip
    done = run([*command, *(["--skip-check", ",".join(skipped)] if skipped else [])], folder)
    reports: list[Mapping[str, Any]] = json.loads(done.stdout)
    assert {report["check_type"] for report in reports} == {"terraform_json", "cloudformation"}
    assert all(report["summary"]["parsing_errors"] == 0 for report in reports), done.stderr
    failed = {one["check_id"] for report in reports for one in report["results"]["failed_checks"]}
    return failed, sum(report["summary"]["passed"] for report in reports)


def test_cfn_lint_finds_nothing(python: Path, rendered: Path) -> None:
    templates = sorted(rendered.glob("*/aws/*.template.json"))
    assert len(templates) == len(SEEDS)
    done = run([python, "-c", CFN_LINT, "--include-checks", "I", "--", *templates], rendered)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_cfn_lint_would_find_a_fault(python: Path, rendered: Path, tmp_path: Path) -> None:
    text = next(rendered.glob("*/aws/*.template.json")).read_text()
    wrong = tmp_path / "wrong.template.json"
    wrong.write_text(text.replace('"FromPort": 8,', '"FromPorts": 8,'))
    done = run([python, "-c", CFN_LINT, wrong], tmp_path)
    assert done.returncode != 0
    assert "FromPorts" in done.stdout


def test_checkov_finds_nothing(python: Path, rendered: Path) -> None:
    failed, passed = failed_checks(python, rendered, SKIPPED)
    assert failed == set()
    assert passed > 100


def test_checkov_would_find_what_is_open_to_everybody(python: Path, tmp_path: Path) -> None:
    one = generated(SEEDS[0], tmp_path)
    everybody = Filter("0.0.0.0/0", 22, "tcp", "input", "management 22", ("r",), "management")
    write(replace(one, policy=replace(one.policy, filters=(everybody,))), tmp_path)
    azure = tmp_path / "azure" / "main.tf.json"
    azure.write_text(azure.read_text().replace('"0.0.0.0/0"', '"*"', 1))  # the only name that checkov knows there
    failed, _ = failed_checks(python, tmp_path)
    assert failed == {"CKV_AWS_24", "CKV_GCP_2", "CKV_AZURE_10", SKIPPED}


GRAMMAR: Final = """
import pathlib, sys, tree_sitter, tree_sitter_powershell
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
sys.exit(any(parser.parse(pathlib.Path(one).read_bytes()).root_node.has_error for one in sys.argv[1:]))
"""


def test_the_scripts_are_of_the_grammar_of_powershell(python: Path, rendered: Path) -> None:
    scripts = sorted(rendered.glob("*/windows/*.ps1"))
    assert len(scripts) == 2 * len(SEEDS)
    done = run([python, "-c", GRAMMAR, *scripts], rendered)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"), [("'Block'", "'Block"), ("catch {", "catch ("), ("$Filters = @(", "$Filters = @")]
)
def test_the_grammar_would_find_a_fault(old: str, new: str, python: Path, rendered: Path, tmp_path: Path) -> None:
    text = next(rendered.glob("*/windows/apply.ps1")).read_text()
    assert old in text
    wrong = tmp_path / "wrong.ps1"
    wrong.write_text(text.replace(old, new, 1))
    done = run([python, "-c", GRAMMAR, wrong], tmp_path)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.fixture
def terraform() -> str:
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("terraform is not installed")
    return found


@pytest.mark.proof
def test_terraform_reads_its_modules(terraform: str, rendered: Path, tmp_path: Path) -> None:
    modules = sorted(rendered.glob("*/*/main.tf.json"))
    assert len(modules) == len(SEEDS) * len(CLOUDS)
    for module in modules:
        done = run([terraform, "providers"], module.parent)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("provider[") == 1
    wrong = tmp_path / "main.tf.json"
    wrong.write_text(modules[0].read_text().replace('"nullable": false', '"nullables": false', 1))
    done = run([terraform, "providers"], tmp_path)
    assert done.returncode != 0
    assert "nullables" in done.stderr


@pytest.mark.proof
def test_terraform_gives_every_string_back(terraform: str, tmp_path: Path) -> None:
    more = ["$${x}", "$$${x}", "$$$${x}", "%%%{x}", "${%{", "%${x}", "$%{x}", "$", "%", "a$${", "${1 + 1}", "%{ if x }"]
    values: list[str] = []
    for value in [*CORPUS, *more]:
        with suppress(RenderError):
            hcl(value)
            values.append(value)
    assert set(more) < set(values)
    outputs = {f"value_{number}": {"value": hcl(one)} for number, one in enumerate(values)}
    (tmp_path / "main.tf.json").write_text(json.dumps({"output": outputs}))
    for command in (["init", "-backend=false", "-input=false"], ["apply", "-auto-approve", "-input=false"]):
        done = run([terraform, *command], tmp_path)
        assert done.returncode == 0, done.stderr
    read = json.loads(run([terraform, "output", "-json"], tmp_path).stdout)
    assert [read[f"value_{number}"]["value"] for number in range(len(values))] == values
