"""What `scan` sends and what it leaves, with the reason; and how files are grouped into associations."""

from __future__ import annotations

import os
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pydicom.data
import pytest
from pydicom import dcmread

from orthancgen.dicom import synthetic
from orthancgen.dicom.outcome import Outcome, rejection, status_outcome, storage_meaning
from orthancgen.dicom.peer import Peer
from orthancgen.dicom.scan import DicomFile, Skip, scan
from orthancgen.dicom.send import _batches, send_files
from orthancgen.dicom.truncation import missing_bytes

MOMENT = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  DICOM's DA and TM carry no zone
PYDICOM_FILES = Path(pydicom.data.__file__).parent / "test_files"
TRUNCATED = {"MR_truncated.dcm", "rtplan_truncated.dcm"}


def test_each_file_is_found_or_left_with_its_reason(tmp_path: Path) -> None:
    instance = synthetic.ct_instance("scan", MOMENT, rows=4, columns=4)
    files = {
        "a.dcm": instance.data,
        "b-again.dcm": instance.data,
        "c-empty.dcm": b"",
        "d-text.txt": b"no image",
        "e-short.dcm": instance.data[:140],
        "f-meta-only.dcm": instance.data[: 144 + int.from_bytes(instance.data[140:144], "little")],
        "g-truncated.dcm": synthetic.secondary_capture("scan", MOMENT).data[:-7],
        "h-bad-uid.dcm": instance.data.replace(instance.sop_instance_uid.encode(), b"x" * 44),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    found = scan([tmp_path, tmp_path / "absent", tmp_path / "a.dcm", PYDICOM_FILES / "dicomdirtests" / "DICOMDIR"])
    [only] = found.files
    assert only.path == tmp_path / "a.dcm"
    assert (only.sop_class_uid, only.sop_instance_uid) == (instance.sop_class_uid, instance.sop_instance_uid)
    assert only.dataset_bytes == len(instance.data) - only.offset
    assert {skipped.path.name: skipped.why for skipped in found.skipped} == {
        "b-again.dcm": Skip.DUPLICATE,
        "c-empty.dcm": Skip.EMPTY,
        "d-text.txt": Skip.NOT_DICOM,
        "e-short.dcm": Skip.DAMAGED,
        "f-meta-only.dcm": Skip.DAMAGED,
        "g-truncated.dcm": Skip.DAMAGED,
        "h-bad-uid.dcm": Skip.DAMAGED,
        "self": Skip.UNREADABLE,
        "dangling": Skip.MISSING,
        "pipe": Skip.NOT_A_FILE,
        "absent": Skip.MISSING,
        "DICOMDIR": Skip.DICOMDIR,
    }


def test_a_dataset_cut_anywhere_is_seen_where_an_element_is_cut() -> None:
    data = synthetic.ct_instance("cut", MOMENT, rows=4, columns=4).data
    offset = 144 + int.from_bytes(data[140:144], "little")
    whole = missing_bytes(BytesIO(data), offset, len(data), "1.2.840.10008.1.2.1")
    assert whole == 0
    for cut in range(1, 33):  # within the pixels
        assert missing_bytes(BytesIO(data[:-cut]), offset, len(data) - cut, "1.2.840.10008.1.2.1") == cut


@pytest.mark.parametrize("path", sorted(PYDICOM_FILES.glob("*.dcm")), ids=lambda path: path.name)
def test_no_whole_file_is_called_truncated(path: Path) -> None:
    [*found] = [skipped for skipped in scan([path]).skipped if "truncated" in skipped.detail]
    assert bool(found) == (path.name in TRUNCATED)


def test_an_encapsulated_image_without_its_end_is_truncated() -> None:
    data = (PYDICOM_FILES / "JPEG2000.dcm").read_bytes()
    syntax = dcmread(BytesIO(data)).file_meta.TransferSyntaxUID
    offset = 144 + int.from_bytes(data[140:144], "little")
    assert missing_bytes(BytesIO(data), offset, len(data), syntax) == 0
    position = data.rindex(b"\xfe\xff\xdd\xe0")
    assert missing_bytes(BytesIO(data[:position]), offset, position, syntax) > 0


def test_batches_hold_128_kinds_and_every_file_once() -> None:
    def file(number: int) -> DicomFile:
        return DicomFile(Path(str(number)), f"1.2.{number % 300}", f"1.3.{number}", "1.2.840.10008.1.2", 1, 2, 3)

    files = [file(number) for number in range(900)]
    batches = _batches(files)
    assert [len(batch.pairs) for batch in batches] == [128, 128, 44]
    assert sorted(f.path for batch in batches for f in batch.files) == sorted(f.path for f in files)
    for batch in batches:
        assert {(f.sop_class_uid, f.transfer_syntax_uid) for f in batch.files} == set(batch.pairs)


def test_statuses_and_reasons_have_the_words_of_the_standard() -> None:
    assert status_outcome(0x0000) is Outcome.SUCCESS
    assert {status_outcome(code) for code in (0xB000, 0xB006, 0xB007)} == {Outcome.WARNING}
    assert {status_outcome(code) for code in (0xA700, 0xA900, 0xC000, 0x0122, 0x7777)} == {Outcome.FAILURE}
    assert "Out of Resources" in storage_meaning(0xA700)
    assert rejection(1, 1, 7).text == "Called AE Title Not Recognized"
    assert rejection(1, 1, 3).text == "Calling AE Title Not Recognized"
    assert rejection(2, 3, 2).text == "Local Limit Exceeded"


@pytest.mark.parametrize("aet", ["", " ", "A" * 17, "A\\B", "É", "A\n"])
def test_a_peer_has_an_ae_title_or_is_refused(aet: str) -> None:
    with pytest.raises(ValueError, match="not an AE title"):
        Peer("127.0.0.1", 104, aet, "ME")


def test_nothing_to_send_needs_no_peer(tmp_path: Path) -> None:
    result = send_files([tmp_path], Peer("no-such-host.invalid", 104, "A", "B"))
    assert (result.instances, result.sent, result.ok, result.failed) == (0, 0, False, ())
