"""What an operator sees: status, logs, secrets; and the way from an empty folder to running services."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.native import COMMAND, SECRETS, Native
from tests.support.servers import wait_until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def native(native_apps: Path) -> Iterator[Native]:
    """An environment of Orthanc alone, which is deployed."""
    native = Native(native_apps.parent / "operate", apps=native_apps)
    native.write({"backend.enabled": False, "webhook.enabled": False})
    try:
        native.started()
        yield native
    finally:
        native.end()


def test_status_is_a_line_a_service_and_a_document(native: Native) -> None:
    said = native.run("status")
    assert said.code == 0
    [pid] = native.pids().values()
    ports = f"{native.ports['dicom']}, {native.ports['http']}"
    assert re.search(rf"^orthanc +(running|starting) +healthy +{pid} +0:\d\d:\d\d +{ports}", said.out, re.MULTILINE)
    row = native.status()["orthanc"]
    assert (row["healthy"], row["pid"]) == (True, pid)


def test_status_says_what_does_not_answer(native: Native) -> None:
    [pid] = native.pids().values()
    os.kill(pid, signal.SIGSTOP)
    try:
        said = native.run("status")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert said.code == 1
    assert "ReadTimeout" in said.out


def test_an_environment_that_was_never_deployed(native_apps: Path) -> None:
    never = Native(native_apps.parent / "never")
    assert never.run("status").code == 1
    assert never.run("down").out == "was not running\n"
    unsure = never.run("down", options=["--purge"])
    assert (unsure.code, "hint: --yes" in unsure.err) == (2, True)
    assert never.run("down", options=["--purge", "--yes"]).out == "nothing was there\n"
    logs = never.run("logs")
    assert (logs.code, "hint: orthancgen deploy" in logs.err) == (4, True)
    rotate = never.run("secrets", "rotate", options=["orthanc_password"])
    assert (rotate.code, "has no value yet" in rotate.err) == (4, True)
    assert not never.state.exists()


def test_logs_show_the_last_lines_with_their_service(native: Native) -> None:
    said = native.run("logs", options=["-n", "3"])
    assert said.code == 0
    assert [line.split(" | ")[0].strip() for line in said.out.splitlines()] == ["orthanc"] * 3
    unknown = native.run("logs", options=["nothing"])
    assert (unknown.code, "there are: orthanc, supervisord" in unknown.err) == (2, True)


def test_followed_logs_go_on_over_a_rotation(native: Native, tmp_path: Path) -> None:
    log, output = native.state / "log/orthanc.log", tmp_path / "output"
    with output.open("wb") as target:
        command = native.command(["logs"], "-f", "-n", "0")
        process = subprocess.Popen(command, stdout=target, stderr=target, stdin=subprocess.DEVNULL)
    try:
        with log.open("ab") as before:
            wait_until(lambda: _appears(before.fileno(), b"first\n", output), what="a new line")
            log.rename(log.with_suffix(".log.1"))
            before.write(b"last of the old\n")
        log.write_bytes(b"first of the new\n")
        wait_until(lambda: b"first of the new" in output.read_bytes(), what="a line of the new log")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
    said = output.read_text()
    assert said.count("last of the old") == said.count("first of the new") == 1
    assert said.index("last of the old") < said.index("first of the new")
    assert "Traceback" not in said


def _appears(file: int, line: bytes, output: Path) -> bool:
    os.write(file, line)
    time.sleep(0.1)
    return line.strip() in output.read_bytes()


def test_secrets_are_listed_without_values_and_shown_one_by_one(native: Native) -> None:
    rows = json.loads(native.run("secrets", "list", options=["--json"]).out)["secrets"]
    assert [(row["name"], row["source"], row["rotated"]) for row in rows] == [("orthanc_password", "generated", False)]
    shown = native.run("secrets", "show", options=["orthanc_password"])
    assert shown.out == native.secret("orthanc_password") + "\n"
    unknown = native.run("secrets", "show", options=["nothing"])
    assert (unknown.code, "there are: orthanc_password" in unknown.err) == (2, True)
    native.run("secrets", "rotate", options=["orthanc_password"])
    assert "a new value waits for the next deploy" in native.run("secrets", "list").out
    assert native.run("status").code == 0, "the value in use still is"
    assert native.started() == {"orthanc"}
    assert "waits" not in native.run("secrets", "list").out


def test_from_an_empty_folder_to_running_services(native_apps: Path, tmp_path: Path) -> None:
    site = native_apps.parent / "site"
    site.mkdir()
    assert subprocess.run([*COMMAND, "init", str(site)], check=False, capture_output=True).returncode == 0
    native = Native(native_apps.parent / "init", apps=native_apps)
    document = yaml.safe_load(native.file.read_text()) | {"extends": "dev.yaml"}
    (site / "environments/t.yaml").write_text(yaml.safe_dump(document))
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [*COMMAND, "deploy", "t", "--no-verify", "--state", str(native.root)]
    try:
        done = subprocess.run(command, cwd=site, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"http://127.0.0.1:{native.ports['backend']}/" in done.stdout
        assert not any(native.secret(name) in done.stdout + done.stderr for name in SECRETS)
        assert native.unhealthy() == {}
    finally:
        native.end()
