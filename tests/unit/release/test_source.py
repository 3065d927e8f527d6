from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from orthancgen.release.model import Source
from orthancgen.release.source import source_of
from orthancgen.release.who import who_am_i

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


def git(folder: Path, *arguments: str) -> str:
    run = subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return run.stdout.strip()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of a repository, committed."""
    folder = tmp_path / "site" / "environments"
    folder.mkdir(parents=True)
    (folder / "test.yaml").write_text("environment: test\n")
    (folder / "base.yaml").write_text("{}\n")
    git(tmp_path / "site", "init", "-q")
    git(tmp_path / "site", "add", ".")
    git(tmp_path / "site", "commit", "-q", "-m", "first")
    return folder / "test.yaml"


def test_a_committed_file_is_clean(file: Path) -> None:
    commit = git(file.parent, "rev-parse", "HEAD")
    assert source_of(file) == Source("environments/test.yaml", commit, dirty=False)


def test_a_change_elsewhere_does_not_count(file: Path) -> None:
    (file.parent / "other.yaml").write_text("")
    assert source_of(file).dirty is False


@pytest.mark.parametrize("name", ["test.yaml", "base.yaml"])
def test_a_changed_file_is_dirty(file: Path, name: str) -> None:
    (file.parent / name).write_text("changed: true\n")
    assert source_of(file, [file.parent / "base.yaml"]).dirty is True


def test_a_file_that_git_ignores_is_dirty(file: Path) -> None:
    (file.parent / ".gitignore").write_text("mine.yaml\n")
    (file.parent / "mine.yaml").write_text("")
    assert source_of(file.parent / "mine.yaml").dirty is True


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "test.yaml").write_text("")
    assert source_of(tmp_path / "test.yaml") == Source("test.yaml", None, dirty=True)


def test_outside_a_repository_there_is_only_the_path(tmp_path: Path) -> None:
    path = tmp_path / "test.yaml"
    assert source_of(path) == Source(str(path))


def test_without_git_there_is_only_the_path(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert source_of(file) == Source(str(file))


def test_variables_of_a_hook_do_not_lead_to_another_repository(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_WORK_TREE", "/nowhere")
    assert source_of(file).dirty is False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
def test_a_repository_of_another_user_runs_none_of_its_programs(file: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    commit = git(file.parent, "rev-parse", "HEAD")
    git(file.parent, "config", "filter.trap.clean", str(trap))
    git(file.parent, "config", "core.fsmonitor", str(trap))
    (file.parent / ".gitattributes").write_text("* filter=trap\n")
    file.write_text("environment: changed\n")
    user = pwd.getpwnam("nobody")
    top = file.parent.parent
    for path in (top, *top.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    assert source_of(file) == Source("environments/test.yaml", commit, dirty=None)
    assert not (tmp_path / "sprung").exists()


def test_who_is_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert who_am_i().login == pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setenv("SUDO_USER", "operator\x1b[2J")
    expected = "operator\\x1b[2J" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    assert who_am_i().login == expected


def test_git_is_here() -> None:
    assert shutil.which("git")
