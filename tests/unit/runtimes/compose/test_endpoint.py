"""Which engine is meant, as the docker command decides it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from orthancgen.errors import EngineError
from orthancgen.runtimes.compose.endpoint import DEFAULT_HOST, resolve


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of docker's own settings, with one context: `far`."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"far").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    host = {"Host": "ssh://operator@192.0.2.7", "SkipTLSVerify": False}
    meta.write_text(json.dumps({"Name": "far", "Metadata": {}, "Endpoints": {"docker": host}}))
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_the_default(config: Path) -> None:
    assert config.is_dir()
    found = resolve(environ={})
    assert (found.host, found.said_by) == (DEFAULT_HOST, "the default")
    assert found.socket_path == Path("/var/run/docker.sock")


def test_the_address_of_the_environment_comes_first(config: Path) -> None:
    (config / "config.json").write_text('{"currentContext": "far"}')
    found = resolve(environ={"DOCKER_HOST": "unix:///here.sock", "DOCKER_CONTEXT": "far"})
    assert (found.host, found.said_by) == ("unix:///here.sock", "DOCKER_HOST")


def test_then_the_context_of_the_environment(config: Path) -> None:
    assert config.is_dir()
    found = resolve(environ={"DOCKER_CONTEXT": "far"})
    assert (found.host, found.said_by, found.socket_path) == ("ssh://operator@192.0.2.7", "DOCKER_CONTEXT", None)


def test_then_the_context_that_was_chosen(config: Path) -> None:
    (config / "config.json").write_text('{"currentContext": "far"}')
    found = resolve(environ={})
    assert (found.host, found.said_by) == ("ssh://operator@192.0.2.7", "the docker context 'far'")
    assert resolve(environ={"DOCKER_CONTEXT": "default"}).host == DEFAULT_HOST


def test_a_context_that_is_not_there(config: Path) -> None:
    assert config.is_dir()
    with pytest.raises(EngineError, match="gone") as caught:
        resolve(environ={"DOCKER_CONTEXT": "gone"})
    assert caught.value.hint == "see: docker context ls"


def test_tls_files_that_are_not_there(tmp_path: Path) -> None:
    environ = {"DOCKER_HOST": "tcp://192.0.2.7:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    with pytest.raises(EngineError, match="TLS") as caught:
        resolve(environ=environ)
    assert caught.value.hint is not None
    assert "DOCKER_CERT_PATH" in caught.value.hint
