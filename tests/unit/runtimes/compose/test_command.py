"""Which Compose is used, and what it sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.errors import ComposeMissingError, EngineTooOldError
from orthancgen.runtimes.compose.command import Compose, compose_environment, find_compose


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def find(folder: Path) -> Compose:
    return find_compose({"PATH": str(folder)})


def test_the_plugin_comes_first(tmp_path: Path) -> None:
    program(tmp_path, "docker", "echo 2.26.1-4")
    program(tmp_path, "docker-compose", "echo v2.30.0")
    assert find(tmp_path) == Compose((str(tmp_path / "docker"), "compose"), "2.26.1-4")


@pytest.mark.parametrize("docker", ["echo \"docker: 'compose' is not a docker command.\" >&2; exit 1", "echo 2.19.9"])
def test_else_the_one_of_its_own(tmp_path: Path, docker: str) -> None:
    program(tmp_path, "docker", docker)
    program(tmp_path, "docker-compose", "echo v2.20.0")
    assert find(tmp_path) == Compose((str(tmp_path / "docker-compose"),), "2.20.0")


def test_one_that_is_newer_than_today_will_do(tmp_path: Path) -> None:
    program(tmp_path, "docker", "echo v5.0.1")
    assert find(tmp_path).version == "5.0.1"


def test_an_old_one_is_named(tmp_path: Path) -> None:
    program(tmp_path, "docker-compose", "echo 1.29.2")
    with pytest.raises(EngineTooOldError, match=r"Docker Compose 1\.29\.2 is too old") as caught:
        find(tmp_path)
    assert caught.value.hint is not None
    assert "2.20" in caught.value.hint


def test_no_docker_command(tmp_path: Path) -> None:
    with pytest.raises(ComposeMissingError, match="no docker command"):
        find(tmp_path)


def test_no_plugin(tmp_path: Path) -> None:
    program(tmp_path, "docker", "exit 1")
    with pytest.raises(ComposeMissingError, match="has no Compose") as caught:
        find(tmp_path)
    assert caught.value.hint is not None
    assert "docker-compose-plugin" in caught.value.hint


def test_a_program_that_cannot_run_is_none(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("#!/does/not/exist\n")
    (tmp_path / "docker").chmod(0o755)
    with pytest.raises(ComposeMissingError, match="has no Compose"):
        find(tmp_path)


def test_compose_sees_nothing_that_changes_what_is_meant_and_no_credential() -> None:
    caller = {
        "PATH": "/bin", "HOME": "/root", "DOCKER_HOST": "unix:///a", "DOCKER_CONTEXT": "b", "https_proxy": "http://p",
        "COMPOSE_FILE": "other.yaml", "COMPOSE_PROFILES": "setup", "ORTHANCGEN_ORTHANC": "/old", "PASSWORD": "secret",
    }  # fmt: skip
    seen = compose_environment({"ORTHANCGEN_ORTHANC": "/new"}, environ=caller)
    assert seen == {
        "PATH": "/bin", "HOME": "/root", "DOCKER_HOST": "unix:///a", "DOCKER_CONTEXT": "b", "https_proxy": "http://p",
        "ORTHANCGEN_ORTHANC": "/new",
    }  # fmt: skip
    named = compose_environment({}, "unix:///c", environ=caller)
    assert named["DOCKER_HOST"] == "unix:///c"
    assert "DOCKER_CONTEXT" not in named, "it would be against the address"
