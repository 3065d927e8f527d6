"""Backup and restore of production in containers, while images arrive and go, and while things break."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from orthancgen.backup import job
from orthancgen.backup.opening import OPENED_WITH
from orthancgen.dicom.synthetic import ct_series
from orthancgen.render.container_files import project_name
from orthancgen.secrets.store import SecretStore
from orthancgen.secrets.value import SecretValue
from tests.support.contained import Contained
from tests.support.engine import TestEngine
from tests.support.images import TestImages
from tests.support.native import Said
from tests.support.proof import ProofFigures
from tests.support.servers import free_port, wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

NAME = "saved"
PASSWORD = "backup_password"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Free ports and networks of its own, so that another environment of this engine is no obstacle."""
    repository = tmp_path_factory.mktemp("repository")
    return {
        "dicom.port": free_port(),
        "http.port": free_port(),
        "backend.port": free_port(),
        "containers.subnet": "172.30.241.0/24",
        "backup.repository": str(repository),
        "backup.check_percent": 100,
        "backup.keep": {"last": 2, "daily": 0, "weekly": 0, "monthly": 0},
    }


@pytest.fixture(scope="module")
def site(
    engine: TestEngine, images: TestImages, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Contained]:
    """Production with a few images and one backup."""
    folder = tmp_path_factory.mktemp("saved")
    site = Contained(folder, engine, images, NAME)
    site.write(settings)
    try:
        site.deploy()
        store_all(site, "first", 20, folder / "first")
        site.run("backup")
        yield site
    finally:
        site.end()
        remove_volumes(site)


def remove_volumes(site: Contained) -> None:
    """All volumes of the environment, those that a restore kept too."""
    api = site.engine.client.api
    for volume in api.volumes(filters={"label": f"org.orthancgen.environment={NAME}"})["Volumes"] or ():
        api.remove_volume(volume["Name"], force=True)


def store(site: Contained, name: str, count: int, folder: Path) -> subprocess.Popen[str]:
    """Begin to send images of a series of their own, over DICOM with TLS."""
    folder.mkdir()
    for number, instance in enumerate(ct_series(name, datetime.now().astimezone(), count, rows=64, columns=64)):
        (folder / f"{number:05}.dcm").write_bytes(instance.data)
    return site.start("send", str(folder), "--retries", "60", "--associations", "1", "--json")


def store_all(site: Contained, name: str, count: int, folder: Path) -> None:
    """Send images, every one of which is stored."""
    sender = store(site, name, count, folder)
    said, _ = sender.communicate(timeout=400)
    assert sender.returncode == 0, said


def orthanc_process(site: Contained) -> psutil.Process:
    """Orthanc's own process on the host."""
    (process,) = [
        one
        for one in psutil.Process(site.containers()["orthanc"].pid).children(recursive=True)
        if one.name() == "Orthanc"
    ]
    return process


def is_halted(process: psutil.Process) -> bool:
    return process.status() == psutil.STATUS_STOPPED


def jobs_of(site: Contained) -> list[str]:
    """What a backup has on the engine now: its containers and staging volumes."""
    api = site.engine.client.api
    labels = [job.JOB_LABEL, f"org.orthancgen.environment={NAME}"]
    found = [one["Names"][0] for one in api.containers(all=True, filters={"label": labels})]
    return found + [one["Name"] for one in api.volumes(filters={"label": labels})["Volumes"] or ()]


@contextmanager
def deleting(site: Contained, seed: int, deleted: set[str]) -> Iterator[None]:
    """Delete one instance in ten, chosen by chance, until the end of the block."""
    chance, ended = random.Random(seed), threading.Event()

    def work() -> None:
        with site.orthanc() as client:
            seen: set[str] = set()
            while not ended.is_set():
                for orthanc_id in set(client.get("/instances").json()) - seen:
                    seen.add(orthanc_id)
                    if chance.random() < 0.1 and client.delete(f"/instances/{orthanc_id}").status_code == 200:
                        deleted.add(orthanc_id)
                ended.wait(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.proof)])
def test_a_backup_while_images_arrive_and_go_comes_back_on_another_machine(
    site: Contained, tmp_path: Path, count: int, proof_figures: ProofFigures
) -> None:
    deleted: set[str] = set()
    sender = store(site, f"arriving-{count}", count, tmp_path / "arriving")
    kept_before = site.instances()
    with deleting(site, 20260401, deleted):
        wait_until(lambda: len(site.instances()) > len(kept_before) + 20, what="images arrive")
        before = site.instances()
        summary = site.json("backup")
        after = site.instances()
        said, _ = sender.communicate(timeout=400)
    assert sender.returncode == 0, said
    assert json.loads(said)["sent"] == count, "not one image was refused or lost by the halt"
    assert summary["paused_milliseconds"] < 5000
    assert jobs_of(site) == []

    password = tmp_path / "password"
    password.write_text(f"{SecretStore(site.state.secrets).read(PASSWORD).reveal()}\n")  # type: ignore[union-attr]
    with as_on_another_machine(site, tmp_path / "other"):
        restored = site.json("restore", "--password-file", str(password))
        assert restored["same"], restored
        there = site.instances()
        # Everything that was there before and not deleted is back; nothing is back that never was.
        assert before - deleted <= there
        assert there <= before | after | deleted
        assert summary["instances"] - len(restored["deleted"]) == len(there)
        assert checksums_differ(site, there) == []
        records = site.access()
        with httpx.Client(base_url=records.backend_url, verify=records.http_verify, trust_env=False) as backend:
            wait_until(
                lambda: recorded(backend, records.backend_headers) == len(there),
                what="records are complete",
            )
        store_all(site, "after-the-restore", 5, tmp_path / "again")
        assert len(site.instances()) == len(there) + 5
        site.run("backup")
    proof_figures(
        "instances restored after a backup while they arrived and were deleted",
        len(there),
        f"Orthanc halted for {summary['paused_milliseconds']} ms; every checksum as at arrival; "
        f"{len(restored['deleted'])} deleted while they were saved",
    )


@contextmanager
def as_on_another_machine(site: Contained, folder: Path) -> Iterator[None]:
    """No container, no volume, and a state folder that knows nothing; afterwards, what is known there stays."""
    site.run("down")
    remove_volumes(site)
    shutil.move(site.state.root, folder)
    yield


def checksums_differ(site: Contained, instances: set[str]) -> list[str]:
    """Instances whose file Orthanc itself finds to be another than it stored."""
    wrong = []
    with site.orthanc() as client:
        for orthanc_id in instances:
            path = f"/instances/{orthanc_id}/attachments/dicom"
            content = client.get(f"{path}/data").raise_for_status().content
            noted = client.get(f"{path}/md5").text
            itself = client.post(f"{path}/verify-md5").status_code
            if hashlib.md5(content, usedforsecurity=False).hexdigest() != noted or itself != 200:
                wrong.append(orthanc_id)
    return wrong


def recorded(backend: httpx.Client, headers: dict[str, str]) -> int:
    """How many instances the backend's studies have."""
    answer = backend.get("/api/studies", params={"limit": 100}, headers=headers).raise_for_status().json()
    return sum(study["number_of_instances"] for study in answer["items"])


def test_a_backup_that_is_killed_while_orthanc_is_halted_leaves_it_working(site: Contained, tmp_path: Path) -> None:
    orthanc = orthanc_process(site)
    # It is halted for some milliseconds, which a busy machine may look past: then another backup is made.
    for _ in range(10):
        command = site.start("backup")
        while not (halted := is_halted(orthanc)) and command.poll() is None:
            pass
        if halted:
            command.kill()
            break
        command.communicate()
    assert halted, "Orthanc was never seen halted"
    wait_until(lambda: not is_halted(orthanc), seconds=60, what="Orthanc goes on")
    command.communicate()
    store_all(site, "after-the-kill", 3, tmp_path / "after")
    sets = site.json("backup", "--list")["backups"]
    site.run("backup")
    assert jobs_of(site) == []
    assert len(site.json("backup", "--list")["backups"]) <= len(sets) + 1


def test_an_orthanc_that_was_left_halted_is_let_go_on(site: Contained) -> None:
    orthanc = orthanc_process(site)
    orthanc.send_signal(signal.SIGSTOP)
    wait_until(lambda: is_halted(orthanc), what="Orthanc is halted")
    assert "it goes on" in site.run("backup").out
    assert not is_halted(orthanc)


def test_a_copy_that_takes_too_long_is_given_up_and_orthanc_goes_on(
    engine: TestEngine, images: TestImages, tmp_path: Path
) -> None:
    """The script itself, with a slow disk: `cp` takes four seconds, of which Orthanc may be halted for two."""
    script = (Path(job.__file__).parent / "scripts" / "copy_index.sh").read_text()
    slow = 'cp() { sleep "$delay"; command cp "$@"; }\n'
    setting = """
        mkdir -p /source /staging/index; echo one > /source/index; touch -d '1 minute ago' /source/index
        echo two > /source/index-wal
        (exec -a Orthanc sleep 60) & pid=$!
        ( for n in {1..200}; do read -r _ _ state _ < /proc/$pid/stat; echo "$state"; sleep 0.05; done > /states ) &
    """
    run = f"set -- Orthanc 2\nsleep 0.3\ndelay=$DELAY\n{slow}( {script} )"
    for delay, code in (("0", 0), ("4", 1)):
        client = engine.connect().client
        after = """
            code=$?; read -r _ _ state _ < /proc/$pid/stat
            echo "after $state"; echo "states $(sort -u /states | tr -d '\\n')"
            echo "files $(ls /staging/index | tr '\\n' ' ')"; exit $code
        """
        command = f"{setting}\nDELAY={delay}\n{run}\n{after}"
        container = client.containers.create(
            images.backup, ["-c", command], entrypoint=["bash"], network_mode="none", init=True
        )
        try:
            container.start()
            assert container.wait(timeout=240)["StatusCode"] == code, container.logs()
            said = container.logs().decode()
        finally:
            container.remove(force=True)
        assert "after S" in said, said
        assert "files index index-wal" in said, said
        if code:
            assert "T" in said.split("states ")[1].splitlines()[0], said
            assert "took longer than 2 s" in said
        else:
            assert "how log" in said


def test_a_password_that_is_rotated_is_that_of_the_repository_from_then_on(site: Contained) -> None:
    store_ = SecretStore(site.state.secrets)
    before = store_.read(PASSWORD)
    site.run("secrets", "rotate", PASSWORD)
    site.run("backup")
    rotated = store_.read(PASSWORD)
    assert rotated is not None
    assert rotated != before
    assert store_.waiting(PASSWORD) is None
    assert site.run("secrets", "show", PASSWORD).out.strip() == rotated.reveal()
    site.deploy()
    assert store_.read(PASSWORD) == rotated
    site.run("backup", "--list")


def test_another_password_does_not_open_the_repository(site: Contained) -> None:
    secrets, opened = SecretStore(site.state.secrets), SecretStore(site.state.root / "backup")
    right = secrets.read(PASSWORD)
    assert right is not None
    wrong = SecretValue("a-wrong-password-of-the-test")
    try:
        secrets.write(PASSWORD, wrong)
        opened.path(OPENED_WITH).unlink()
        said = site.run("backup", code=4)
        assert "the password does not open the repository" in said.err
        assert wrong.reveal() not in said.all
    finally:
        secrets.write(PASSWORD, right)
    site.run("backup", "--list")


def test_no_secret_is_seen_on_the_engine(site: Contained) -> None:
    """Neither in what the engine tells of the containers of a backup, nor among the arguments of any process."""
    password = SecretStore(site.state.secrets).read(PASSWORD)
    assert password is not None
    api, seen = site.engine.client.api, 0
    command = site.start("backup")
    while command.poll() is None:
        for one in api.containers(filters={"label": job.JOB_LABEL}):
            with suppress(Exception):
                assert password.reveal() not in json.dumps(api.inspect_container(one["Id"]))
                seen += 1
        for process in psutil.process_iter(["cmdline"]):
            assert password.reveal() not in " ".join(process.info["cmdline"] or ())
    assert password.reveal() not in command.communicate()[0]
    assert command.returncode == 0
    assert seen > 3


def test_a_repository_that_cannot_be_written_is_said_and_orthanc_works(
    site: Contained, settings: dict[str, Any], tmp_path: Path
) -> None:
    orthanc = orthanc_process(site)
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(small)], check=True)
    try:
        for place, told in (
            (str(small), "no space left"),
            (str(tmp_path / "absent"), "make the folder on the engine's host"),
        ):
            site.write({**settings, "backup.repository": place})
            said = site.run("backup", code=4)
            assert told in said.err
            assert not is_halted(orthanc)
            assert jobs_of(site) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
        site.write(settings)


def test_a_repository_that_is_gone_is_not_made_anew_by_itself(site: Contained, settings: dict[str, Any]) -> None:
    """Where its disk is not mounted, an empty folder is there instead."""
    place = Path(settings["backup.repository"])
    aside = place.with_name("aside")
    place.rename(aside)
    place.mkdir()
    try:
        said = site.run("backup", code=4)
        assert "is not any more" in said.err
        assert "mounted" in said.err
        assert list(place.iterdir()) == []
    finally:
        place.rmdir()
        aside.rename(place)
    site.run("backup", "--list")


def test_old_backups_go_whole(site: Contained) -> None:
    for _ in range(2):
        site.run("backup")
    sets = site.json("backup", "--list")["backups"]
    assert len(sets) == 2
    assert all(one["complete"] for one in sets)
    assert {kind for one in sets for kind in one["snapshots"]} == {"orthanc", "database", "state", "manifest"}


def test_a_full_environment_is_not_overwritten_and_a_damaged_file_is_found(site: Contained) -> None:
    assert "only an empty environment is filled" in site.run("restore", code=4).err
    instances = site.instances()
    assert {one.status for one in site.containers().values()} == {"running"}

    mount = site.engine.client.api.inspect_volume(f"{project_name(NAME)}_orthanc-storage")["Mountpoint"]
    victim = max((path for path in Path(mount).glob("??/??/*")), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    content[-1] ^= 0xFF
    victim.write_bytes(content)
    site.run("backup")
    restored = site.json("restore", "--replace", code=1)
    assert [(one["what"], one["uuid"]) for one in restored["wrong"]] == [("damaged", victim.name)]
    assert site.instances() == instances
    assert len(restored["kept"]) == 2
    with site.orthanc() as client:
        client.delete(f"/instances/{restored['wrong'][0]['orthanc_id']}").raise_for_status()


def test_a_damaged_repository_is_found(site: Contained, settings: dict[str, Any]) -> None:
    """The last one: the repository is not mended."""
    assert "whole" in site.run("backup", "--check").out
    pack = max(
        (path for path in Path(settings["backup.repository"]).glob("data/*/*")), key=lambda path: path.stat().st_size
    )
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 0xFF
    pack.write_bytes(content)
    found: Said = site.run("backup", "--check", code=1)
    assert "damaged" in found.out
    assert site.json("backup", "--check", code=1)["damage"]
