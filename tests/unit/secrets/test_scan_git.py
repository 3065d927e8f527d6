"""What is staged, what is tracked, and what git ever had; asked of real repositories."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orthancgen.cli import cli
from tests.unit.secrets.scans import SECRET, git, orthancgen, variables

LINE = f"password: {SECRET}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


def commit(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


def document(folder: Path, *arguments: str | Path) -> Any:
    """What is printed as JSON; the exit code fits, and the value is nowhere."""
    command = ["secrets", "scan", *map(str, arguments), "--format", "json"]
    with contextlib.chdir(folder):
        done = CliRunner().invoke(cli, command, env=variables(folder))
    assert SECRET not in done.output
    printed = json.loads(done.stdout)
    assert done.exit_code == (1 if printed["findings"] else 0), done.output
    return printed


def scanned(folder: Path, *arguments: str | Path) -> list[str]:
    """Places and rules of what is found."""
    return [f"{one['file']}:{one['line']} {one['rule']}" for one in document(folder, *arguments)["findings"]]


def test_what_is_staged_counts_and_not_what_is_in_the_folder(folder: Path) -> None:
    file = folder / "a.yaml"
    file.write_text(LINE)
    assert scanned(folder) == []
    git(folder, "add", "a.yaml")
    file.write_text("password: {secret: a}\n")
    assert scanned(folder) == scanned(folder, "--staged") == ["a.yaml:1 literal-secret"]
    assert scanned(folder, "a.yaml") == []
    git(folder, "add", "a.yaml")
    file.write_text(LINE)
    assert scanned(folder) == []
    assert scanned(folder, "a.yaml") == ["a.yaml:1 literal-secret"]


def test_only_changed_files_are_staged_and_all_are_tracked(folder: Path) -> None:
    commit(folder, **{"a.yaml": LINE, "b.yaml": "x: 1\n"})
    (folder / "b.yaml").write_text("x: 2\n")
    git(folder, "add", ".")
    assert scanned(folder) == []
    assert scanned(folder, "--all") == ["a.yaml:1 literal-secret"]
    (folder / "b.yaml").write_text(f"x: 2\n{LINE}")
    git(folder, "add", ".")
    assert scanned(folder) == ["b.yaml:2 literal-secret"]
    git(folder, "reset", "-q", "--hard")
    git(folder, "mv", "a.yaml", "c.yaml")
    assert scanned(folder) == ["c.yaml:1 literal-secret"]
    git(folder, "rm", "-q", "--cached", "c.yaml")
    assert scanned(folder, "--all") == []


def test_places_are_told_from_the_working_folder_and_the_whole_repository_is_scanned(folder: Path) -> None:
    (folder / "environments").mkdir()
    (folder / "environments/a.yaml").write_text(LINE)
    commit(folder, **{"b.yaml": LINE})
    inner = folder / "environments"
    expected = ["../b.yaml:1 literal-secret", "a.yaml:1 literal-secret"]
    assert scanned(inner, "--all") == expected
    assert scanned(inner, "a.yaml", "../b.yaml") == expected


def test_history_is_everything_that_git_has(folder: Path) -> None:
    commit(folder, **{"a.yaml": LINE, "other.yaml": "x: 1\n"})
    commit(folder, **{"a.yaml": f"# more\n{LINE}"})
    commit(folder, **{"a.yaml": "password: {secret: a}\n"})
    assert scanned(folder, "--all") == []
    (leak,) = document(folder, "--history")["findings"]
    assert (leak["file"], leak["also"]) == ("a.yaml", 1)
    assert leak["commit"] in git(folder, "log", "--format=%H").splitlines()
    said = orthancgen(folder, "secrets", "scan", "--history").stdout
    assert f"(first in commit {leak['commit'][:12]}, in 1 other version of the file too)" in said
    # Staged once, never committed, and taken out again: no commit has it, git does.
    (folder / "b.yaml").write_text("token: Zq8kT2wP5xVb71aa\n")  # orthancgen: allow-secret made up for the test
    git(folder, "add", "b.yaml")
    git(folder, "rm", "-q", "-f", "b.yaml")
    done = orthancgen(folder, "secrets", "scan", "--history")
    assert "(in no commit)" in done.stdout
    assert "blob " in done.stdout


def test_history_has_commits_that_only_the_reflog_reaches(folder: Path) -> None:
    first = commit(folder, **{"a.yaml": LINE})
    (folder / "a.yaml").write_text("x: 1\n")
    git(folder, "commit", "-q", "-a", "--amend", "-m", "x")
    (leak,) = document(folder, "--history")["findings"]
    assert (leak["file"], leak["commit"]) == ("a.yaml", first)


def test_since_a_revision_is_what_later_commits_brought(folder: Path) -> None:
    base = commit(folder, **{"old.yaml": LINE})
    git(folder, "checkout", "-q", "-b", "change")
    commit(folder, **{"new.yaml": f"x: 1\n{LINE}"})
    commit(folder, **{"new.yaml": "x: 1\n"})
    assert scanned(folder, "--all") == ["old.yaml:1 literal-secret"]
    assert scanned(folder, "--since", base) == scanned(folder, "--since", "main") == ["new.yaml:2 literal-secret"]
    assert scanned(folder, "--since", "HEAD") == []
    for wrong in ("nothing", "--all-objects", "HEAD:old.yaml"):
        done = orthancgen(folder, "secrets", "scan", "--since", wrong)
        assert done.returncode == 2, wrong
        assert "error: git cannot tell what it has:" in done.stderr


@pytest.mark.parametrize("name", ["a b.yaml", "-x.yaml", "ü.yaml", "a\nb.yaml", ":(top)x.yaml", "a\"'b.yaml", "*.yaml"])
def test_names_of_every_sort(folder: Path, name: str) -> None:
    (folder / name).write_text(LINE)
    git(folder, "add", "-A")
    for mode in ((), ("--all",), (".",), (f"./{name}",)):
        assert scanned(folder, *mode) == [f"{name}:1 literal-secret"], mode


def test_a_name_that_is_no_text(folder: Path) -> None:
    Path(os.fsdecode(bytes(folder) + b"/\xff.yaml")).write_text(LINE)
    git(folder, "add", "-A")
    for form in ("text", "json", "github"):
        done = orthancgen(folder, "secrets", "scan", "--format", form)
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr


def test_links_and_submodules_are_no_files(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(LINE)
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    commit(other, **{"a.yaml": LINE})
    git(folder, "submodule", "--quiet", "add", str(other), "sub")
    git(folder, "add", "-A")
    assert document(folder, "--staged")["files"] == document(folder, "--all")["files"] == 1  # .gitmodules


def test_large_and_binary_files(folder: Path) -> None:
    (folder / "large.bin").write_bytes(b"\0" * (17 * 1024 * 1024))
    (folder / "b.yaml").write_text(LINE)
    git(folder, "add", "-A")
    done = orthancgen(folder, "secrets", "scan")
    assert "not scanned, too large or unreadable: large.bin" in done.stderr
    assert "b.yaml:1:11: literal-secret: error: a literal value of password" in done.stdout


def test_files_that_are_never_tracked(folder: Path) -> None:
    for name in ("client.p12", ".env"):
        (folder / name).write_bytes(b"A=1\n")
    assert scanned(folder, ".env", "client.p12") == []
    git(folder, "add", "-A")
    expected = [".env:1 private-file", "client.p12:1 private-file"]
    assert scanned(folder) == scanned(folder, ".") == scanned(folder, ".env", "client.p12") == expected


def test_a_folder_in_a_repository_is_scanned_without_what_git_ignores(folder: Path) -> None:
    (folder / ".gitignore").write_text("ignored\n")
    (folder / "ignored").mkdir()
    (folder / "ignored/a.yaml").write_text(LINE)
    (folder / "new.yaml").write_text(LINE)
    assert scanned(folder, ".") == ["new.yaml:1 literal-secret"]
    assert scanned(folder, "ignored/a.yaml") == ["ignored/a.yaml:1 literal-secret"]


def test_excluded_files(folder: Path) -> None:
    commit(folder, **{"a.yaml": LINE, "b.yaml": LINE})
    assert scanned(folder, "--all", "--exclude", "a.*", "--exclude", "c") == ["b.yaml:1 literal-secret"]


def test_attributes_allow_what_is_in_a_file(folder: Path) -> None:
    (folder / "samples").mkdir()
    (folder / "samples/a.yaml").write_text(LINE)
    (folder / "samples/b.yaml").write_text(f"{LINE}x: 1\n")
    (folder / "samples/c.p12").write_bytes(b"\0")
    (folder / ".gitattributes").write_text(
        "samples/* orthancgen-allow-secrets\nsamples/b.yaml -orthancgen-allow-secrets\n"
    )
    git(folder, "add", "samples")
    # Only what is committed with them counts.
    assert len(scanned(folder)) == len(scanned(folder, "samples")) == 3
    git(folder, "add", "-A")
    expected = ["samples/b.yaml:1 literal-secret"]
    assert scanned(folder) == scanned(folder, ".") == scanned(folder, "samples/a.yaml", "samples/b.yaml") == expected
    git(folder, "commit", "-q", "-m", "x")
    assert scanned(folder, "--all") == scanned(folder, "--history") == expected


def test_values_in_use_are_found_and_named(folder: Path, tmp_path: Path) -> None:
    secrets = tmp_path / "state" / "prod" / "secrets"
    secrets.mkdir(parents=True)
    (secrets / "orthanc_password").write_text("correct horse battery")
    (folder / "notes.md").write_text("Log in with correct horse battery.\n")
    git(folder, "add", "-A")
    done = orthancgen(folder, "secrets", "scan")
    assert done.returncode == 1
    assert done.stdout.startswith(
        "notes.md:1:13: known-secret: error: the value of the secret orthanc_password of the environment prod\n"
        "  hint: take it out and rotate it"
    )
    assert done.stdout.endswith("1 secret in 1 file, compared with 1 known value of prod\n")
    assert "horse" not in done.stdout
    assert "no known values" in orthancgen(folder, "secrets", "scan", "--state", tmp_path / "none").stdout


def test_github_and_the_summary(folder: Path) -> None:
    (folder / "a.yaml").write_text(LINE + f"token: {SECRET}  # orthancgen: allow-secret of a sample\n")
    git(folder, "add", "-A")
    done = orthancgen(folder, "secrets", "scan", "--format", "github")
    assert done.stdout.startswith(
        "::error file=a.yaml,line=1,col=11,endColumn=27,title=literal-secret::a literal value"
    )
    assert done.stdout.count("\n") == 1
    assert "1 secret in 1 file, no known values to compare with; 1 allowed" in (
        orthancgen(folder, "secrets", "scan").stdout
    )


def test_what_cannot_be_scanned_is_said(folder: Path, tmp_path: Path) -> None:
    for where, arguments, message in (
        (tmp_path, (), "this folder is in no checkout of git"),
        (folder, ("nothing", "neither"), "no file or folder: nothing, neither"),
        (folder, ("x" * 5000,), "no file or folder: xxx"),
        (folder, (".", "--all"), "name one of these"),
        (folder, ("--all", "--since", "HEAD"), "name one of these"),
        (folder / ".git", (), "this folder is in no checkout of git"),
    ):
        done = orthancgen(where, "secrets", "scan", *arguments)
        assert done.returncode == 2, done.stdout
        assert f"error: {message}" in done.stderr


def test_a_hook_scans_the_index_that_git_names(folder: Path) -> None:
    """``git commit FILE`` makes the commit from an index of its own."""
    commit(folder, **{"a.yaml": "x: 1\n", "b.yaml": "x: 1\n"})
    hook = folder / ".git/hooks/pre-commit"
    hook.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m orthancgen secrets scan\n")
    hook.chmod(0o755)
    (folder / "a.yaml").write_text(LINE)
    (folder / "b.yaml").write_text("x: 2\n")
    git(folder, "add", "a.yaml")
    git(folder, "commit", "-q", "-m", "only b", "b.yaml")
    assert git(folder, "diff", "--cached", "--name-only") == "a.yaml"
    with pytest.raises(subprocess.CalledProcessError, match="exit status 1"):
        git(folder, "commit", "-q", "-m", "a")
