"""`init --ci` writes what is missing, touches nothing that is there, and leaves nothing half done."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from orthancgen.cli import cli
from orthancgen.errors import InputError, RenderError
from tests.support.environments import MINIMAL

WORKFLOW = ".github/workflows/orthancgen.yml"


def init(folder: Path, *arguments: str) -> Result:
    with contextlib.chdir(folder):
        return CliRunner().invoke(cli, ["init", *arguments])


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tops(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_new_folder_gets_all_of_it(tmp_path: Path) -> None:
    done = init(tmp_path, "--ci", "github")
    assert done.exit_code == 0, done.output
    assert tops(tmp_path) == {".github", ".pre-commit-config.yaml", "bundles", "environments"}
    assert {path.name for path in (tmp_path / "bundles").iterdir()} == {"prod"}
    with contextlib.chdir(tmp_path):
        check = CliRunner().invoke(cli, ["render", "prod", "-o", "bundles/prod", "--check"])
    assert check.exit_code == 0, check.output


def test_environments_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/clinic.yaml").write_text(MINIMAL)
    done = init(tmp_path, "--ci", "gitlab")
    assert done.exit_code == 0, done.output
    assert tops(tmp_path) == {".gitlab-ci.yml", ".pre-commit-config.yaml", "bundles", "environments"}
    assert {path.name for path in (tmp_path / "environments").iterdir()} == {"clinic.yaml"}
    assert '- ENVIRONMENT: "clinic"' in (tmp_path / ".gitlab-ci.yml").read_text()
    assert "next:" not in done.output


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    for service, file in (("github", WORKFLOW), ("gitlab", ".gitlab-ci.yml")):
        folder = tmp_path / service
        (folder / file).parent.mkdir(parents=True)
        (folder / file).write_text("mine\n")
        before = files(folder)
        done = init(folder, "--ci", service)
        assert isinstance(done.exception, InputError)
        assert done.exception.message == f"{file} is there already; nothing was written"
        assert files(folder) == before


def test_a_link_that_leads_nowhere_is_there_too(tmp_path: Path) -> None:
    (tmp_path / ".gitlab-ci.yml").symlink_to(tmp_path / "elsewhere")
    assert isinstance(init(tmp_path, "--ci", "gitlab").exception, InputError)
    assert tops(tmp_path) == {".gitlab-ci.yml"}


def test_hooks_and_bundles_that_are_there_are_left_and_said(tmp_path: Path) -> None:
    (tmp_path / ".pre-commit-config.yaml").write_text("repos: []\n")
    (tmp_path / "bundles/prod").mkdir(parents=True)
    done = init(tmp_path, "--ci", "github")
    assert done.exit_code == 0
    assert (tmp_path / ".pre-commit-config.yaml").read_text() == "repos: []\n"
    assert list((tmp_path / "bundles/prod").iterdir()) == []
    for name in (".pre-commit-config.yaml", "bundles/prod"):
        assert f"{name} is there already and was left as it is" in done.output


def test_an_invalid_environment_gets_its_checks_and_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/bad.yaml").write_text("environment: bad\n")
    done = init(tmp_path, "--ci", "github")
    assert done.exit_code == 0
    assert "no bundle of bad: " in done.output
    assert tops(tmp_path) == {".github", ".pre-commit-config.yaml", "environments"}


def test_a_name_that_cannot_stand_there_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/a $(id).yaml").write_text(MINIMAL)
    before = files(tmp_path)
    done = init(tmp_path, "--ci", "github")
    assert isinstance(done.exception, InputError)
    assert "a $(id)" in done.exception.message
    assert files(tmp_path) == before


def test_only_a_base_is_no_environment(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/base.yaml").write_text("orthanc: {}\n")
    assert isinstance(init(tmp_path, "--ci", "github").exception, InputError)


@pytest.mark.parametrize("arguments", [(), ("--ci", "github")])
def test_a_folder_that_cannot_be_written(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "file").touch()
    done = init(tmp_path, "file/x", *arguments)
    assert isinstance(done.exception, RenderError)
    assert done.exception.hint == "name a folder that you may write"


def test_without_ci_nothing_of_it_is_written(tmp_path: Path) -> None:
    assert init(tmp_path).exit_code == 0
    assert tops(tmp_path) == {"environments"}
