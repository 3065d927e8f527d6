"""What cannot work says why and how to mend it; what ran before runs again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from orthancgen.secrets.store import SecretStore
from tests.support.breaking import fill, listener, small_disk
from tests.support.native import SERVICES, Native, Said
from tests.support.servers import cannot_run, port_answers, wait_until

pytestmark = pytest.mark.live

REFUSED_BY_ORTHANC = {"orthanc.settings": {"Dictionary": {"zz,1": ["XX"]}}}
"""Passes our own checks and Orthanc's reader of JSON, and then stops its start."""


@pytest.fixture(scope="module")
def deployed(native_apps: Path) -> Iterator[Native]:
    """An environment that is deployed."""
    native = Native(native_apps.parent / "failures", apps=native_apps)
    try:
        native.started()
        yield native
    finally:
        native.end()


@pytest.fixture
def native(deployed: Native) -> Native:
    """The deployed environment, as its file says."""
    deployed.write()
    shutil.rmtree(deployed.state / "withheld/secrets.next", ignore_errors=True)
    deployed.started()
    return deployed


@pytest.fixture
def fresh(native_apps: Path) -> Iterator[Native]:
    """An environment that was never deployed."""
    native = Native(native_apps.parent / "fresh", apps=native_apps)
    try:
        yield native
    finally:
        native.end()
        shutil.rmtree(native.root)


def all_as_before(native: Native, before: dict[str, object]) -> None:
    """Everything is back: files, secrets, services; and a deploy of the earlier file has nothing to do."""
    native.write()
    wait_until(lambda: native.unhealthy() == {}, what="health")
    assert contents(native) == before
    assert not (native.state / "withheld/last-good").exists()
    shutil.rmtree(native.state / "withheld/secrets.next", ignore_errors=True)
    assert native.started() == set()


def contents(native: Native) -> dict[str, object]:
    """Bytes, mode and owner of every file of configuration and secrets."""
    found: dict[str, object] = {}
    for folder in ("config", "secrets"):
        for path in sorted((native.state / folder).rglob("*")):
            what = path.read_bytes() if path.is_file() else None
            found[str(path)] = (what, oct(path.stat().st_mode), path.stat().st_uid, path.stat().st_gid)
    return found


def test_a_taken_port_names_its_owner_and_the_key(fresh: Native) -> None:
    with listener(fresh.ports["dicom"]), listener(fresh.ports["database"]):
        said = fresh.deploy(code=4)
    owner = f"taken by process {os.getpid()} ("
    assert f"port {fresh.ports['dicom']} of DICOM (dicom.port): {owner}" in said.err
    assert f"port {fresh.ports['database']} of database (backend.database.port): {owner}" in said.err
    assert "hint: end that program, or choose another port at that key" in said.err
    assert fresh.processes() == []
    assert list((fresh.state / "config").iterdir()) == []
    assert list((fresh.state / "secrets").iterdir()) == []


def test_a_taken_port_leaves_what_runs_alone(native: Native) -> None:
    before, pids = contents(native), native.pids()
    with listener() as port:
        native.write({"dicom.port": port})
        assert f"port {port} of DICOM" in native.deploy(code=4).err
    all_as_before(native, before)
    assert native.pids() == pids


def test_orthanc_s_refusal_is_shown_and_taken_back(native: Native) -> None:
    before, pids = contents(native), native.pids()
    SecretStore(native.state / "secrets").rotate("database_password")
    native.write(REFUSED_BY_ORTHANC)
    said = native.deploy(code=4)
    assert "Orthanc did not get healthy: it ends as soon as it is started" in said.err
    assert "The definition of the 'zz,1' dictionary entry is invalid" in said.err
    assert f"the whole log: {native.state / 'log/orthanc.log'}" in said.err
    assert "what was there before is there again" in said.out
    all_as_before(native, before)
    assert set(pids) == set(native.pids())


def test_a_first_deploy_that_fails_leaves_nothing_running(fresh: Native) -> None:
    fresh.write(REFUSED_BY_ORTHANC)
    said = fresh.deploy(code=4)
    assert "The definition of the 'zz,1' dictionary entry is invalid" in said.err
    assert fresh.processes() == []
    assert not any(port_answers("127.0.0.1", port) for port in fresh.ports.values())
    assert contents(fresh) == {}
    fresh.write()
    assert fresh.started() == set(SERVICES)  # the database was given a password that nobody knows any more
    assert fresh.unhealthy() == {}


def test_a_backend_that_never_answers_is_waited_for_and_taken_back(native: Native, tmp_path: Path) -> None:
    before = contents(native)
    silent = native.root / "node"
    silent.write_text('#!/bin/sh\n[ "$1" = --version ] && echo v22.0.0 && exit\necho waiting\nexec sleep 600\n')
    silent.chmod(0o755)
    (native.root / "npm").write_text("")
    said = native.deploy("--timeout", "3", code=4, environ={"ORTHANCGEN_NODE": str(silent)})
    assert "Backend did not get healthy: last answer: ConnectError" in said.err
    assert "  waiting" in said.err
    all_as_before(native, before)
    assert "sleep" not in {process.name() for process in native.processes()}


def test_missing_programs_are_named_with_the_command_that_installs_them(fresh: Native) -> None:
    gone = {"ORTHANCGEN_ORTHANC": "/nonexistent/Orthanc", "ORTHANCGEN_SECANTUSD": "/nonexistent/secantusd"}
    fresh.write({"orthanc.version": "1.10.1"})
    said = fresh.deploy(code=4, environ=gone)
    assert "Orthanc: ORTHANCGEN_ORTHANC names /nonexistent/Orthanc, which is no program" in said.err
    assert "SecantusDB: ORTHANCGEN_SECANTUSD names /nonexistent/secantusd, which is no program" in said.err
    assert fresh.processes() == []


def in_own_mounts(native: Native, hidden: str) -> Said:
    """Deploy where a folder of the system is empty, as if the package were not installed."""
    script = f'mount -t tmpfs none {hidden} && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", *native.command(["deploy"], "--no-verify")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        cannot_run("this machine lets nobody mount")
    return Said(done.returncode, done.stdout, done.stderr)


def test_a_missing_plugin_is_named_with_its_package(fresh: Native) -> None:
    said = in_own_mounts(fresh, "/usr/share/orthanc/plugins")
    assert said.code == 4
    assert "Orthanc's plugin libOrthancDicomWeb.so: apt-get install orthanc-dicomweb" in said.err


def test_a_full_disk_is_said_and_what_ran_goes_on(native_apps: Path) -> None:
    folder = native_apps.parent / "disk"
    with small_disk(folder, "400m"):
        native = Native(folder, apps=native_apps)
        fill(folder / "filler")
        said = native.deploy(code=4)
        assert "No space left on device" in said.err
        assert "hint: make room" in said.err
        (folder / "filler").unlink()
        try:
            native.started()
            before, pids = contents(native), native.pids()
            native.write({"orthanc.name": "More"})
            fill(folder / "filler")
            said = native.deploy(code=4)
            assert "No space left on device" in said.err
            (folder / "filler").unlink()
            all_as_before(native, before)
            assert native.pids() == pids
        finally:
            (folder / "filler").unlink(missing_ok=True)
            native.end()


def test_a_disk_that_gets_full_while_configuring_is_taken_back(native: Native) -> None:
    """A limit of the process on the size of files stands for a disk that has room for small files only."""
    before, pids = contents(native), native.pids()
    native.write({"orthanc.settings": {"UserMetadata": {f"name{number}": 1024 + number for number in range(3000)}}})
    command = ["prlimit", "--fsize=40960", *native.command(["deploy"], "--no-verify")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    all_as_before(native, before)
    assert native.pids() == pids


@pytest.fixture(scope="module")
def open_packages(state_root: Path) -> Iterator[str]:
    """The checkout and the installed packages where everybody may read them, wherever they lie: a search path."""
    if os.geteuid() != 0:
        cannot_run("only root can run a program as another user")
    folders = [Path(sysconfig.get_path("purelib")), Path(__file__).parents[2]]
    mounted = []
    for folder in folders:
        target = state_root / f"open-{folder.name}"
        target.mkdir()
        subprocess.run(["mount", "--bind", "-o", "ro", folder, target], check=True)
        mounted.append(target)
    yield ":".join(map(str, mounted))
    for target in mounted:
        subprocess.run(["umount", target], check=True)
        target.rmdir()


def as_nobody(native: Native, packages: str, verb: str = "deploy", *options: str) -> Said:
    """Run a verb as a user without any right."""
    becomes = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--"]
    system = f"/usr/bin/python3.{sys.version_info.minor}"
    environ = {"PYTHONPATH": packages, "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    again = "import orthancgen.cli, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
    runs = [
        python
        for python in (sys.executable, system)
        if subprocess.run([*becomes, python, "-c", again], env=environ, capture_output=True, check=False).returncode
        == 0
    ]
    if not runs:
        cannot_run("no Python that everybody may run")
    command = [*becomes, runs[0], *native.command([verb], *options)[1:]]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def test_a_state_folder_of_somebody_else_is_refused(native: Native, open_packages: str) -> None:
    deploy = as_nobody(native, open_packages, "deploy", "--no-verify")
    assert deploy.code == 4
    assert f"cannot use the state folder {native.state}: Permission denied" in deploy.err
    assert "--state" in deploy.err
    status = as_nobody(native, open_packages, "status")
    assert status.code == 4
    assert "run as the user who deployed it" in status.err
    assert as_nobody(native, open_packages, "down").code == 4
    assert as_nobody(native, open_packages, "logs").code == 4
    assert native.unhealthy() == {}


def test_low_ports_are_refused_to_other_users(fresh: Native, open_packages: str) -> None:
    fresh.root.chmod(0o777)
    fresh.write({"dicom.port": 104, "backend.enabled": False, "webhook.enabled": False})
    said = as_nobody(fresh, open_packages, "deploy", "--no-verify")
    assert said.code == 4, said.all
    assert "port 104 of DICOM (dicom.port): ports below 1024 are for root" in said.err


def test_root_gives_orthanc_a_low_port_without_running_it_as_root(fresh: Native) -> None:
    if os.geteuid() != 0:
        cannot_run("only root may have a low port")
    fresh.ports["dicom"] = next(port for port in range(104, 1024) if not port_answers("127.0.0.1", port))
    fresh.write({"backend.enabled": False, "webhook.enabled": False})
    assert fresh.started() == {"orthanc"}
    assert fresh.unhealthy() == {}


def test_a_user_without_rights_runs_orthanc_as_himself(fresh: Native, open_packages: str) -> None:
    fresh.root.chmod(0o777)
    # SecantusDB's program starts with the path of its Python, which may lie in a folder of root's.
    fresh.write({"backend.enabled": False, "webhook.enabled": False})
    said = as_nobody(fresh, open_packages, "deploy", "--no-verify")
    assert said.code == 0, said.all
    assert {process.uids().real for process in fresh.processes()} == {65534}
    assert as_nobody(fresh, open_packages, "status").code == 0
    root = fresh.run("deploy", options=["--no-verify"])
    assert root.code == 4
    assert "belongs to another user (uid 65534)" in root.err
    assert as_nobody(fresh, open_packages, "down").code == 0
    assert fresh.processes() == []


def test_a_storage_folder_that_orthanc_may_not_write_is_refused(native: Native) -> None:
    if os.geteuid() != 0:
        cannot_run("only root runs Orthanc as another user")
    before, pids = contents(native), native.pids()
    folder = native.root / "images"
    folder.mkdir(mode=0o700)
    native.write({"orthanc.storage": {"path": str(folder)}})
    said = native.deploy(code=4)
    assert f"orthanc.storage.path: the user orthanc, as whom Orthanc runs, may not write {folder}" in said.err
    assert f"chown -R orthanc: {folder}" in said.err
    all_as_before(native, before)
    assert native.pids() == pids
