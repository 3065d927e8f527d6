"""Deflated files: Orthanc inflates one as a whole, so they are refused before it does, unless the model takes them."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import build_context

from orthancgen.dicom import scu
from orthancgen.dicom.association import associate
from orthancgen.dicom.outcome import Failure, Outcome
from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan
from orthancgen.render.orthanc_json import configuration
from tests.conftest import StartOrthanc
from tests.support.admission import RELEASES, Release, ReleasedOrthanc, release, sample
from tests.support.environments import MINIMAL, site_of
from tests.support.servers import OrthancServer

pytestmark = pytest.mark.live

KEY = "DeflatedTransferSyntaxAccepted"
MEBIBYTE = 1024**2
BOMB_MEBIBYTES = 128
"""What the bomb becomes; it is a thousandth of that."""


@pytest.fixture(scope="module", params=RELEASES)
def orthanc_release(request: pytest.FixtureRequest) -> Release:
    return release(request.param)


def deflated(more: int = 0) -> bytes:
    """An instance in the deflated transfer syntax (PS3.5 section A.5), with so many more zeroes in it."""
    dataset: Dataset = dcmread(BytesIO(plain()))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    if more:
        dataset.private_block(0x7FE1, "ZEROES", create=True).add_new(1, "OB", bytes(more))
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def plain() -> bytes:
    """An uncompressed instance, new each time."""
    dataset: Dataset = dcmread(BytesIO(sample().data))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def rendered(version: Version, accept: bool) -> bool:
    """What the rendered configuration has of it."""
    site = site_of(MINIMAL, {"dicom/accept_deflated": accept})
    value = configuration(plan(site, version))[KEY]
    assert isinstance(value, bool)
    return value


def peer_of(server: OrthancServer) -> Peer:
    return Peer("127.0.0.1", server.dicom_port, server.aet, "SENDER", timeouts=Timeouts(30, 60, 120))


def most_mebibytes(server: OrthancServer) -> int:
    """The most memory that the process ever had."""
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024


def served(release_: Release, folder: Path, accept: bool) -> ReleasedOrthanc:
    return ReleasedOrthanc(release_, folder, {KEY: rendered(release_.version, accept)})


@pytest.fixture
def serving(orthanc_release: Release, tmp_path: Path) -> Callable[[bool], ReleasedOrthanc]:
    return lambda accept: served(orthanc_release, tmp_path / "orthanc", accept)


def test_a_bomb_is_refused_before_it_is_inflated(serving: Callable[[bool], ReleasedOrthanc]) -> None:
    bomb = deflated(BOMB_MEBIBYTES * MEBIBYTE)
    assert len(bomb) < MEBIBYTE / 2
    with serving(False) as server:
        before = most_mebibytes(server)
        answer = scu.store(peer_of(server), bomb)
        assert answer.outcome is not Outcome.SUCCESS, answer
        assert server.instance_uids() == []
        assert most_mebibytes(server) - before < BOMB_MEBIBYTES / 4


def test_a_sender_that_keeps_to_the_standard_stores_uncompressed(serving: Callable[[bool], ReleasedOrthanc]) -> None:
    dataset = dcmread(BytesIO(plain()))
    contexts = [
        build_context(dataset.SOPClassUID, one)
        for one in (DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRLittleEndian)
    ]
    with serving(False) as server, associate(peer_of(server), contexts) as link:
        assert not isinstance(link, Failure), link
        taken = {one.transfer_syntax[0] for one in link.association.accepted_contexts}
        assert taken == {ImplicitVRLittleEndian, ExplicitVRLittleEndian}
        assert link.association.send_c_store(dataset).Status == 0
        assert server.instance_uids() == [dataset.SOPInstanceUID]


def test_a_site_may_take_them(serving: Callable[[bool], ReleasedOrthanc]) -> None:
    with serving(True) as server:
        assert scu.store(peer_of(server), deflated()).outcome is Outcome.SUCCESS
        assert len(server.instance_uids()) == 1


def test_they_still_come_by_rest(start_orthanc: StartOrthanc) -> None:
    # No setting of Orthanc is about uploads: roles say who may, and limits of the host how much memory it gets.
    server = start_orthanc({KEY: False})
    before = most_mebibytes(server)
    with server.client() as client:
        client.post("/instances", content=deflated(BOMB_MEBIBYTES * MEBIBYTE)).raise_for_status()
    assert len(server.instance_uids()) == 1
    assert most_mebibytes(server) - before > BOMB_MEBIBYTES / 2
