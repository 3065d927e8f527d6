"""Several Orthancs on one PostgreSQL and several backends: every image once, whoever of them is killed meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from tests.support.certificates import Authority
from tests.support.proof import ProofFigures
from tests.support.servers import OrthancServer, StartupError, require_dcmtk, wait_until
from tests.support.shared_index import VALUE, Shared, SharingOrthanc, sharing

pytestmark = pytest.mark.live
SENDERS = 8
SECONDS = 180.0


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the backend is built, once."""
    return tmp_path_factory.mktemp("built") / "apps"


def write_images(folder: Path, count: int) -> list[str]:
    """Small images of as many studies as there are senders, a folder for each; returns their SOP Instance UIDs."""
    uids = []
    studies = [(generate_uid(), generate_uid()) for _ in range(SENDERS)]
    for number in range(count):
        sender = number % SENDERS
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
        image.PatientID, image.PatientName, image.Modality = f"P{sender}", f"Patient^{sender}", "OT"
        image.StudyInstanceUID, image.SeriesInstanceUID = studies[sender]
        image.InstanceNumber = number
        image.Rows = image.Columns = 8
        image.BitsAllocated = image.BitsStored = 8
        image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 7, 0, 1
        image.PhotometricInterpretation, image.PixelData = "MONOCHROME2", bytes(64)
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        place = folder / str(sender)
        place.mkdir(parents=True, exist_ok=True)
        image.save_as(place / f"{number}.dcm", enforce_file_format=True)
        uids.append(str(image.SOPInstanceUID))
    return sorted(uids)


class Sender(threading.Thread):
    """Sends a folder, and again to the next Orthanc until one has taken all of it: what a device's queue does."""

    def __init__(self, shared: Shared, folder: Path, number: int) -> None:
        super().__init__(daemon=True)
        self._shared, self._folder, self._number = shared, folder, number
        self.attempts = 0

    def run(self) -> None:
        program, done = require_dcmtk("dcmsend"), False
        while not done and self.attempts < 100:
            orthanc = self._shared.orthancs[(self._number + self.attempts) % len(self._shared.orthancs)]
            command = [program, "+sd", "-to", "5", "-td", "20", "-aec", orthanc.aet, "127.0.0.1"]
            self.attempts += 1
            sent = subprocess.run(
                [*command, str(orthanc.dicom_port), str(self._folder)],
                capture_output=True, env={**os.environ, "TCP_NODELAY": "1"},
            )  # fmt: skip
            done = sent.returncode == 0


def send(shared: Shared, folder: Path) -> list[Sender]:
    senders = [Sender(shared, folder / str(number), number) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    return senders


def stored(orthanc: SharingOrthanc) -> int:
    return int(orthanc.get("/statistics")["CountInstances"])


def changes(orthanc: SharingOrthanc) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = orthanc.get(f"/changes?since={found[-1]['Seq'] if found else 0}&limit=1000")
        found += page["Changes"]
        if page["Done"]:
            return found


@pytest.mark.parametrize("count", [320, pytest.param(2_000, marks=pytest.mark.proof)])
def test_nothing_is_lost_or_twice_whoever_is_killed(
    count: int, tmp_path: Path, apps: Path, proof_figures: ProofFigures
) -> None:
    folder = tmp_path / "images"
    uids = write_images(folder, count)
    with sharing(tmp_path / "site", apps=apps) as shared:
        wait_until(lambda: shared.leader() is not None, seconds=SECONDS, what="one backend follows Orthanc")
        names = [orthanc.get("/system")["DatabaseServerIdentifier"] for orthanc in shared.orthancs]
        assert names == ["orthanc-1", "orthanc-2"]

        senders = send(shared, folder)
        one, two = shared.orthancs
        wait_until(lambda: stored(one) > len(uids) // 4, seconds=SECONDS, what="a quarter is stored")
        leader = shared.leader()
        assert leader is not None
        leader.kill()
        two.kill()
        wait_until(lambda: stored(one) > len(uids) // 2, seconds=SECONDS, what="half is stored by the one that is left")
        two.start()
        for sender in senders:
            sender.join(SECONDS)
        assert not any(sender.is_alive() for sender in senders)

        assert one.instance_uids() == uids
        assert two.instance_uids() == uids
        wait_until(lambda: len(shared.records()) >= len(uids), seconds=SECONDS, what="every image is on record")
        assert shared.records() == uids
        assert shared.leader() not in (None, leader)
        # What one has received, the other gives out; and each image arrived once, in the one log of both.
        for identifier in one.get("/instances")[:: len(uids) // 20]:
            assert one.get_bytes(f"/instances/{identifier}/file") == two.get_bytes(f"/instances/{identifier}/file")
        arrived = Counter(change["ID"] for change in changes(two) if change["ChangeType"] == "NewInstance")
        assert len(arrived) == len(uids)
        assert set(arrived.values()) == {1}
    attempts = sum(sender.attempts for sender in senders)
    proof_figures(
        "instances stored by two Orthancs on one PostgreSQL; one, and the backend that followed, killed meanwhile",
        len(uids), f"each stored and on record once, by {attempts} associations",
    )  # fmt: skip


def test_images_in_postgresql_reached_by_tls(tmp_path: Path, apps: Path) -> None:
    uids = write_images(tmp_path / "images", 40)
    authority = Authority(tmp_path / "authority")
    with sharing(tmp_path / "site", backends=1, apps=apps, storage="postgresql", tls=authority) as shared:
        senders = send(shared, tmp_path / "images")
        for sender in senders:
            sender.join(SECONDS)
        one, two = shared.orthancs
        assert one.instance_uids() == two.instance_uids() == uids
        for identifier in one.get("/instances"):
            assert one.get_bytes(f"/instances/{identifier}/file") == two.get_bytes(f"/instances/{identifier}/file")
        assert [path for path in (tmp_path / "site/images").rglob("*") if path.is_file()] == []
        inside = shared.postgresql.ask("SELECT count(*) FROM pg_largeobject_metadata")
        assert int(inside) >= len(uids)
        encrypted = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = ''"
        assert shared.postgresql.ask(encrypted) == "t"
        wait_until(lambda: shared.records() == uids, seconds=SECONDS, what="every image is on record")

        two.stop()
        another = Authority(tmp_path / "another", "another authority").certificate.read_bytes()
        authority.certificate.write_bytes(another)
        two.configuration["PostgreSQL"]["MaximumConnectionRetries"] = 1  # not for two minutes
        with pytest.raises(StartupError, match="certificate verify failed"):
            two.start()
        assert VALUE not in two.log()


class FromMountedFolder(OrthancServer):
    """Orthanc started on a folder as Kubernetes mounts it: its files are links into a hidden folder of this moment."""

    def command(self) -> list[str]:
        program, file = super().command()
        mounted = self.folder / "mounted"
        if not mounted.exists():
            (mounted / "..2026_01_02").mkdir(parents=True)
            (mounted / "..data").symlink_to("..2026_01_02")
            configuration = json.loads(Path(file).read_text())
            parts = {
                "orthanc.json": configuration,
                "orthanc.secret.json": {"RegisteredUsers": {"somebody": "a-password"}},
            }
            for name, part in parts.items():
                (mounted / "..2026_01_02" / name).write_text(json.dumps(part))
                (mounted / name).symlink_to(f"..data/{name}")
        return [program, str(mounted)]


def test_orthanc_reads_a_folder_as_kubernetes_mounts_it(tmp_path: Path) -> None:
    with FromMountedFolder(tmp_path, {"AuthenticationEnabled": True, "Name": "Mounted"}) as orthanc:
        url = f"{orthanc.url}/system"
        assert httpx.get(url, trust_env=False).status_code == 401
        answer = httpx.get(url, auth=("somebody", "a-password"), trust_env=False)
        assert answer.json()["Name"] == "Mounted"
