"""`send_files` against real servers: bytes arrive as they lay, each once, whatever breaks on the way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pydicom.data
import pytest
from pydicom.filereader import dcmread
from pynetdicom.dsutils import split_dataset

from orthancgen.dicom import synthetic
from orthancgen.dicom.outcome import Outcome
from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.dicom.scan import Skip, scan
from orthancgen.dicom.send import Progress, SendResult, send_files
from tests.conftest import StartOrthanc
from tests.support.certificates import Authority
from tests.support.proxies import cutting_proxy
from tests.support.servers import OrthancServer, free_port, port_answers, require_dcmtk, wait_until

pytestmark = pytest.mark.live

MOMENT = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  DICOM's DA and TM carry no zone

PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"
"""Those that come with pydicom; its own function would download more."""


def peer_at(port: int, aet: str = "ORTHANC") -> Peer:
    return Peer("127.0.0.1", port, aet, "ORTHANCGEN", timeouts=Timeouts(30, 60, 60))


def dataset_bytes(path: Path) -> bytes:
    """The encoded dataset of a file, padded to an even length as it goes over the wire (PS3.5 annex A.5)."""
    data = path.read_bytes()[split_dataset(path)[1] :]
    return data + b"\0" * (len(data) % 2)


def stored_files(server: OrthancServer, folder: Path) -> dict[str, Path]:
    """{SOPInstanceUID: its file, fetched into `folder`}; fails when the server holds an instance twice."""
    result: dict[str, Path] = {}
    for item in server.get("/instances?expand"):
        path = folder / f"{item['ID']}.dcm"
        path.write_bytes(server.get_bytes(f"/instances/{item['ID']}/file"))
        uid = item["MainDicomTags"]["SOPInstanceUID"]
        assert uid not in result
        result[uid] = path
    return result


def read_meta_uid(path: Path) -> str:
    """The SOP Instance UID of a file's meta information."""
    return str(split_dataset(path)[0].MediaStorageSOPInstanceUID)


def assert_all_arrived(server: OrthancServer, result: SendResult, count: int) -> None:
    assert result.ok, result.failure_counts()
    assert result.sent == count
    assert server.get("/statistics")["CountInstances"] == count
    assert len(set(server.instance_uids())) == count


def test_what_is_stored_is_byte_for_byte_what_lay_on_disk(orthanc: OrthancServer, tmp_path: Path) -> None:
    paths = synthetic.write_series(tmp_path / "in", "bytes", MOMENT, 20, rows=200, columns=300)
    seen: list[Progress] = []
    result = send_files([tmp_path / "in"], peer_at(orthanc.dicom_port), associations=3, progress=seen.append)
    assert_all_arrived(orthanc, result, 20)
    assert not any([result.failed, result.skipped, result.warnings])
    assert result.associations == 3
    assert result.breaks == 0
    (tmp_path / "out").mkdir()
    stored = stored_files(orthanc, tmp_path / "out")
    for path in paths:
        uid = str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)
        assert dataset_bytes(stored[uid]) == dataset_bytes(path)
    total = sum(len(dataset_bytes(path)) for path in paths)
    assert result.bytes_sent == total
    assert [progress.bytes_sent for progress in seen] == sorted(progress.bytes_sent for progress in seen)
    assert seen[-1] == Progress(instances=20, done=20, failed=0, bytes_total=total, bytes_sent=total)


def test_every_transfer_syntax_is_stored_as_it_is_or_reported(orthanc: OrthancServer, tmp_path: Path) -> None:
    """pydicom's own files: odd, damaged and non-DICOM ones among them."""
    (tmp_path / "in").mkdir()
    paths = []
    for number, source in enumerate(sorted(PYDICOM_FILES.glob("*"))):
        if source.is_file():
            paths.append(tmp_path / "in" / f"{number:03d}-{source.name}")
            shutil.copyfile(source, paths[-1])
    (tmp_path / "out").mkdir()
    syntaxes: Counter[str] = Counter()
    peer = replace(peer_at(orthanc.dicom_port), timeouts=Timeouts(5, 5, command=2))
    while paths:
        # Many of these files share their SOPInstanceUIDs: one of each a round, into an empty Orthanc.
        found = scan(paths)
        result = send_files(paths, peer, backoff_seconds=0.01)
        assert result.sent + len(result.failed) + len(result.skipped) == len(paths)
        stored = stored_files(orthanc, tmp_path / "out")
        failed = {report.path: report for report in result.failed}
        sent = [file for file in found.files if file.path not in failed]
        assert len(sent) == result.sent
        # Of those that were not answered in time one may be stored all the same, on a machine that is busy.
        late = {one.sop_instance_uid for one in found.files
                if one.path in failed and failed[one.path].outcome is Outcome.COMMAND_TIMEOUT}  # fmt: skip
        assert {one.sop_instance_uid for one in sent} == stored.keys() - late
        for file in sent:
            # DCMTK, under Orthanc, rewrites group lengths and the like; values and pixels it keeps.
            sent_dataset, stored_dataset = dcmread(file.path), dcmread(stored[file.sop_instance_uid])
            assert stored_dataset.file_meta.TransferSyntaxUID == file.transfer_syntax_uid
            assert stored_dataset.get("PixelData") == sent_dataset.get("PixelData"), file.path.name
            assert stored_dataset.get("PatientID") == sent_dataset.get("PatientID")
            syntaxes[file.transfer_syntax_uid] += 1
        for report in result.failed:
            # Orthanc answers with a status, or not at all on what it cannot parse.
            assert report.status in (0xA700, 0xA900, 0xC000) or report.outcome is Outcome.COMMAND_TIMEOUT, report
        assert {skipped.why for skipped in result.skipped} <= {*Skip} - {Skip.UNREADABLE, Skip.MISSING}
        with orthanc.client() as client:
            for identifier in client.get("/instances").json():
                client.delete(f"/instances/{identifier}").raise_for_status()
        paths = [skipped.path for skipped in result.skipped if skipped.why is Skip.DUPLICATE]
    assert len(syntaxes) >= 10
    assert syntaxes.total() >= 50


@pytest.mark.parametrize("after_bytes", [100, 5_000, 300_000])
def test_a_connection_cut_in_the_middle_is_taken_up_again(
    orthanc: OrthancServer, tmp_path: Path, after_bytes: int
) -> None:
    synthetic.write_series(tmp_path / "in", "cut", MOMENT, 60, rows=128, columns=128)
    with cutting_proxy(orthanc.dicom_port, after_bytes=after_bytes, cuts=3) as proxy:
        seen: list[Progress] = []
        peer = peer_at(proxy.port)
        result = send_files([tmp_path / "in"], peer, associations=2, backoff_seconds=0.02, progress=seen.append)
        cut = proxy.cut
    if after_bytes == 100:
        # Never an association: nobody is there, as far as we can tell.
        assert not result.ok
        assert {report.outcome for report in result.failed} == {Outcome.CLOSED}
        assert orthanc.instance_uids() == []
        return
    assert cut == result.breaks == 3
    assert_all_arrived(orthanc, result, 60)
    assert seen[-1].bytes_sent == seen[-1].bytes_total == result.bytes_sent


def test_orthanc_killed_and_started_again_in_the_middle(orthanc: OrthancServer, tmp_path: Path) -> None:
    count = 300
    synthetic.write_series(tmp_path / "in", "killed", MOMENT, count, rows=256, columns=256)
    halfway = threading.Event()
    killed = threading.Event()

    def on_progress(progress: Progress) -> None:
        if progress.done >= 60:
            halfway.set()
            killed.wait(120)

    def kill_and_restart() -> None:
        halfway.wait(120)
        orthanc.kill()
        killed.set()
        time.sleep(0.3)  # an outage, not a synchronisation
        orthanc.start()

    thread = threading.Thread(target=kill_and_restart)
    thread.start()
    result = send_files(
        [tmp_path / "in"], peer_at(orthanc.dicom_port), retries=9, backoff_seconds=0.2, progress=on_progress
    )
    thread.join()
    assert result.breaks >= 1
    assert_all_arrived(orthanc, result, count)


def test_a_peer_that_stays_away_is_given_up(orthanc: OrthancServer, tmp_path: Path) -> None:
    synthetic.write_series(tmp_path / "in", "away", MOMENT, 100, rows=256, columns=256)

    def on_progress(progress: Progress) -> None:
        if progress.done >= 20 and orthanc.running:
            orthanc.kill()

    result = send_files(
        [tmp_path / "in"], peer_at(orthanc.dicom_port), retries=2, backoff_seconds=0.05, progress=on_progress
    )
    assert 20 <= result.sent < 100
    assert result.sent + len(result.failed) == 100
    assert all("refuses the connection" in report.text for report in result.failed)


def test_refusals_are_told_once_and_at_once(start_orthanc: StartOrthanc, tmp_path: Path) -> None:
    synthetic.write_series(tmp_path / "in", "refused", MOMENT, 40, rows=8, columns=8)
    server = start_orthanc({"DicomCheckCalledAet": True})
    wrong = send_files([tmp_path / "in"], peer_at(server.dicom_port, "OTHER"))
    assert (wrong.sent, len(wrong.failed)) == (0, 40)
    [(text, count)] = wrong.failure_counts()
    assert count == 40
    assert "Called AE Title Not Recognized" in text
    assert wrong.failed[0].outcome is Outcome.ASSOCIATION_REJECTED
    assert wrong.seconds < 12  # to try again five times would take 15

    nobody = send_files([tmp_path / "in"], peer_at(free_port()))
    assert nobody.sent == 0
    assert nobody.failed[0].outcome is Outcome.CONNECTION_REFUSED
    assert nobody.seconds < 12

    forbidding = start_orthanc({"DicomAlwaysAllowStore": False})
    forbidden = send_files([tmp_path / "in"], peer_at(forbidding.dicom_port), retries=1, backoff_seconds=0.01)
    assert (forbidden.sent, len(forbidden.failed)) == (0, 40)
    assert forbidding.instance_uids() == []


def test_over_tls(start_orthanc: StartOrthanc, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    pair = authority.issue("server")
    server = start_orthanc(
        {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(pair.certificate),
            "DicomTlsPrivateKey": str(pair.key),
            "DicomTlsTrustedCertificates": str(authority.certificate),
        }
    )
    synthetic.write_series(tmp_path / "in", "tls", MOMENT, 20, rows=128, columns=128)
    plain = peer_at(server.dicom_port)
    result = send_files(
        [tmp_path / "in"],
        Peer(
            plain.host, plain.port, plain.called_aet, plain.calling_aet, authority.client_context(authority.issue("me"))
        ),
    )
    assert_all_arrived(server, result, 20)
    refused = send_files(
        [tmp_path / "in"],
        Peer(plain.host, plain.port, plain.called_aet, plain.calling_aet, authority.client_context()),
    )
    assert refused.failed[0].outcome is Outcome.TLS_FAILED, refused.failed[0].text


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """DCMTK's storescp on a free port, writing into `folder`."""
    program = require_dcmtk("storescp")
    folder.mkdir()
    port = free_port()
    process = subprocess.Popen(
        [program, *options, "-od", str(folder), str(port)],
        env=dict(os.environ) | {"TCP_NODELAY": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: port_answers("127.0.0.1", port), what="storescp listens")
        yield port
    finally:
        process.kill()
        process.wait()


def test_dcmtk_storescp_receives_the_same_bytes(tmp_path: Path) -> None:
    paths = synthetic.write_series(tmp_path / "in", "dcmtk", MOMENT, 5, rows=300, columns=200)
    with storescp(tmp_path / "out", "+B", "--fork", "-pdu", "4096") as port:
        result = send_files([tmp_path / "in"], peer_at(port), associations=2)
    assert result.ok, result.failure_counts()
    received = {str(dcmread(path).SOPInstanceUID): dataset_bytes(path) for path in (tmp_path / "out").iterdir()}
    assert received == {str(dcmread(path).SOPInstanceUID): dataset_bytes(path) for path in paths}


def test_dcmtk_storescp_receives_odd_files_byte_for_byte(tmp_path: Path) -> None:
    """Its bit preserving mode writes what came over the wire: pydicom's files, in all transfer syntaxes it knows."""
    found = scan([path for path in PYDICOM_FILES.iterdir() if path.is_file()])
    with storescp(tmp_path / "out", "+B", "+xa", "--fork") as port:
        result = send_files([file.path for file in found.files], peer_at(port), backoff_seconds=0.01)
    refused = {report.path: report for report in result.failed}
    assert {report.outcome for report in refused.values()} <= {Outcome.CONTEXT_REJECTED}
    received = {read_meta_uid(path): dataset_bytes(path) for path in (tmp_path / "out").iterdir()}
    sent = {file.sop_instance_uid: dataset_bytes(file.path) for file in found.files if file.path not in refused}
    assert received == sent
    assert len(sent) == result.sent >= 35


def test_a_peer_without_the_transfer_syntax_gets_none_and_the_rest_arrives(tmp_path: Path) -> None:
    jpeg = PYDICOM_FILES / "JPEG2000.dcm"
    synthetic.write_series(tmp_path / "in", "partly", MOMENT, 3, rows=8, columns=8)
    shutil.copyfile(jpeg, tmp_path / "in" / "jpeg2000.dcm")
    with storescp(tmp_path / "out", "--fork") as port:  # uncompressed syntaxes alone
        result = send_files([tmp_path / "in"], peer_at(port))
    assert result.sent == 3
    [report] = result.failed
    assert report.path.name == "jpeg2000.dcm"
    assert report.outcome is Outcome.CONTEXT_REJECTED
    assert "transfer syntax" in report.text


def test_more_kinds_than_an_association_has_contexts(orthanc: OrthancServer, tmp_path: Path) -> None:
    """130 private SOP classes, which Orthanc does not know, around one CT image, which it does."""
    (tmp_path / "in").mkdir()
    instance = synthetic.ct_instance("many", MOMENT, rows=4, columns=4)
    for number in range(130):
        private = f"2.25.{number + 1}".ljust(len(instance.sop_class_uid), "7").encode()
        uid = synthetic.uid("many", str(number)).encode()
        data = instance.data.replace(instance.sop_class_uid.encode(), private)
        data = data.replace(instance.sop_instance_uid.encode(), uid)
        (tmp_path / "in" / f"{number:03d}.dcm").write_bytes(data)
    (tmp_path / "in" / "zzz.dcm").write_bytes(instance.data)
    result = send_files([tmp_path / "in"], peer_at(orthanc.dicom_port))
    assert instance.sop_instance_uid in orthanc.instance_uids()
    assert result.sent + len(result.failed) == 131
    assert {report.outcome for report in result.failed} <= {Outcome.CONTEXT_REJECTED}


def test_what_goes_wrong_with_files_on_the_way(orthanc: OrthancServer, tmp_path: Path) -> None:
    paths = synthetic.write_series(tmp_path / "in", "files", MOMENT, 30, rows=64, columns=64)
    whole = paths[3].read_bytes()
    paths[3].write_bytes(whole[: len(whole) - 1001])  # truncated in its pixels, at an odd length
    paths[4].write_bytes(b"")
    paths[5].unlink()
    paths[5].symlink_to(paths[5])

    def on_progress(progress: Progress) -> None:
        paths[28].unlink(missing_ok=True)
        if paths[29].stat().st_size % 2 == 0:
            paths[29].write_bytes(paths[29].read_bytes() + b"x")

    result = send_files([tmp_path / "in"], peer_at(orthanc.dicom_port), associations=1, progress=on_progress)
    reports = {report.path: report for report in result.failed}
    assert "no longer be read" in reports[paths[28]].text
    assert "changed" in reports[paths[29]].text
    assert len(orthanc.instance_uids()) == result.sent
    assert result.sent == 25
    assert set(reports) == {paths[28], paths[29]}
    skipped = {skipped.path: skipped for skipped in result.skipped}
    assert set(skipped) == set(paths[3:6])
    assert (skipped[paths[3]].why, skipped[paths[4]].why) == (Skip.DAMAGED, Skip.EMPTY)
    assert skipped[paths[3]].detail == "truncated: at least 1001 bytes are missing at its end"


def test_an_error_of_the_progress_bar_is_raised_where_it_belongs(orthanc: OrthancServer, tmp_path: Path) -> None:
    synthetic.write_series(tmp_path / "in", "bar", MOMENT, 30, rows=8, columns=8)

    def on_progress(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        send_files([tmp_path / "in"], peer_at(orthanc.dicom_port), progress=on_progress)


def test_ctrl_c_ends_in_order(orthanc: OrthancServer, tmp_path: Path) -> None:
    """In a process of its own, which gets a real SIGINT in the middle."""
    synthetic.write_series(tmp_path / "in", "ctrlc", MOMENT, 400, rows=256, columns=256)
    script = f"""
import sys, time
from orthancgen.dicom.peer import Peer
from orthancgen.dicom.send import send_files
def slow(progress):
    if progress.done >= 10:
        print("going", flush=True)
        time.sleep(0.05)
peer = Peer("127.0.0.1", {orthanc.dicom_port}, "ORTHANC", "ORTHANCGEN")
result = send_files([sys.argv[1]], peer, progress=slow)
print("RESULT", result.interrupted, result.sent, len(result.failed), result.breaks, result.failed[-1].text)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "in")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "going\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert err == ""
    assert process.returncode == 0
    words = out.splitlines()[-1].split(maxsplit=5)
    assert words[:2] == ["RESULT", "True"]
    sent, failed, breaks = (int(word) for word in words[2:5])
    assert 10 <= sent < 400
    assert sent + failed == 400
    assert breaks == 0
    assert words[5] == "not sent: interrupted"
    assert len(orthanc.instance_uids()) == sent
