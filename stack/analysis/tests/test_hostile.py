"""Files that want too much, and the process that decodes them."""

from __future__ import annotations

import asyncio
import datetime
import os
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from files import encoded, image, noisy
from pydicom import Dataset, Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from orthancgen_analysis import sandbox
from orthancgen_analysis.config import MIB, Limits
from orthancgen_analysis.errors import RefusedError, TooLongError, UnreadableError
from orthancgen_analysis.image_quality import QualityExaminer
from orthancgen_analysis.reading import check_pixels, frame, open_instance

LIMITS = Limits(inflated_bytes=4 * MIB, frame_bytes=4 * MIB, instance_bytes=8 * MIB)


def why(content: bytes, folder: Path) -> str:
    file = folder / "one.dcm"
    file.write_bytes(content)
    try:
        dataset = open_instance(file, LIMITS)
        check_pixels(dataset, LIMITS)
        frame(dataset, 1)
    except UnreadableError as error:
        return str(error)
    pytest.fail("it was read")


def deflated(dataset: Dataset, more: bytes = b"") -> bytes:
    plain = encoded(dataset)
    length = 144 + int.from_bytes(plain[140:144], "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflater.compress(plain[length:] + more) + deflater.flush()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    meta = encoded(dataset)
    return meta[: 144 + int.from_bytes(meta[140:144], "little")] + body


def test_a_deflated_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "one.dcm"
    file.write_bytes(deflated(image(noisy())))
    dataset = open_instance(file, LIMITS)
    assert check_pixels(dataset, LIMITS) == 1
    assert frame(dataset, 1).values.shape == (128, 128)


def test_a_deflate_bomb_is_refused_with_words_and_little_memory(tmp_path: Path) -> None:
    bomb = deflated(image(noisy()), b"\0" * (200 * MIB))
    assert len(bomb) < MIB
    started = time.monotonic()
    assert why(bomb, tmp_path) == "the deflated content is larger than 4194304 bytes when inflated"
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"Rows": 65535, "Columns": 65535}, "claims to be larger"),
        ({"Rows": 1024, "Columns": 1024}, "holds fewer bytes"),
        ({"NumberOfFrames": 2147483647}, "NumberOfFrames is not between"),
        ({"NumberOfFrames": 1000}, "holds fewer bytes"),
        ({"NumberOfFrames": -1}, "NumberOfFrames is not between"),
        ({"BitsAllocated": 0}, "missing or impossible"),
        ({"SamplesPerPixel": 9}, "missing or impossible"),
        ({"PixelData": None}, "holds no image"),
        ({"Rows": None}, "missing or impossible"),
    ],
)
def test_impossible_claims_are_refused(tags: dict[str, object], words: str, tmp_path: Path) -> None:
    assert words in why(encoded(image(noisy(), **tags)), tmp_path)


def test_a_claimed_size_of_2_gb_is_refused(tmp_path: Path) -> None:
    content = bytearray(encoded(image(noisy())))
    at = content.rindex(b"\xe0\x7f\x10\x00OW")
    content[at + 8 : at + 12] = (2_000_000_000).to_bytes(4, "little")
    started = time.monotonic()
    assert why(bytes(content), tmp_path)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("content", [b"", b"\0" * 128, b"\0" * 128 + b"DICM", b"<html>", os.urandom(5000)])
def test_no_dicom_is_refused(content: bytes, tmp_path: Path) -> None:
    assert why(content, tmp_path)


def test_a_file_larger_than_it_may_be_is_refused(tmp_path: Path) -> None:
    assert "larger than" in why(b"\0" * (8 * MIB + 1), tmp_path)


def test_files_cut_short_or_with_flipped_bytes_never_end_the_examination(tmp_path: Path) -> None:
    whole = encoded(image(noisy(size=32)))
    random = np.random.default_rng(7)
    examiner = QualityExaminer(LIMITS, datetime.date(2026, 6, 1))
    file = tmp_path / "one.dcm"
    refused = 0
    for trial in range(300):
        content = bytearray(whole)
        if trial % 3 == 0:
            content = content[: int(random.integers(0, len(content)))]
        else:
            for at in random.integers(132, min(len(content), 1200), size=int(random.integers(1, 12))):
                content[at] = int(random.integers(0, 256))
        file.write_bytes(content)
        try:
            examiner.examine(open_instance(file, LIMITS), "1.2", "1.2.3")
        except UnreadableError:
            refused += 1
        except (RecursionError, MemoryError):
            refused += 1
    assert 50 < refused < 300
    examiner.finish()


def run(files: list[Path], **limits: object) -> sandbox.Answer:
    job = sandbox.Job(tuple((it, "1.2", f"1.2.{n}") for n, it in enumerate(files)), Limits.model_validate(limits))
    return asyncio.run(sandbox.run(job))


def written(folder: Path, *contents: bytes) -> list[Path]:
    files = []
    for index, content in enumerate(contents):
        files.append(folder / f"{index}.dcm")
        files[-1].write_bytes(content)
    return files


def test_the_worker_goes_on_after_what_it_cannot_read(tmp_path: Path) -> None:
    good = encoded(image(noisy()))
    answer = run(written(tmp_path, good, b"nothing", good))
    assert set(answer.failed) == {1}
    assert {it["name"]: it["value"] for it in answer.measurements}["frames_examined"] == 2


def nested(depth: int) -> bytes:
    """A file whose sequences lie within each other; written by hand, for pydicom cannot."""
    start = encoded(image(noisy(size=8)))
    opening = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    at = start.rindex(b"\xe0\x7f\x10\x00OW")
    return start[:at] + opening * depth


def test_sequences_nested_without_end_are_survived(tmp_path: Path) -> None:
    good = encoded(image(noisy()))
    answer = run(written(tmp_path, nested(50_000), good))
    assert set(answer.failed) == {0}


def test_a_decoder_that_wants_all_memory_does_not_get_it(tmp_path: Path) -> None:
    # The tags claim 64 x 64; the compressed stream's own header claims 30000 x 30000 of three components.
    source = image(np.zeros((64, 64), dtype=np.uint16))
    source.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg")
    content = bytearray(encoded(source))
    at = content.index(b"\xff\x51")
    side = (30_000).to_bytes(4, "big")
    for offset in (6, 10, 22, 26):
        content[at + offset : at + offset + 4] = side
    good = encoded(image(noisy()))
    started = time.monotonic()
    answer = run(written(tmp_path, bytes(content), good), memory_bytes=1024 * MIB, instance_seconds=20.0)
    assert time.monotonic() - started < 60
    assert set(answer.failed) == {0}
    assert answer.measurements


def test_what_takes_too_long_is_left_and_the_rest_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fifo = tmp_path / "slow.dcm"
    os.mkfifo(fifo)  # opening it waits for ever
    (good,) = written(tmp_path, encoded(image(noisy())))
    answer = run([fifo, good], instance_seconds=1.0)
    assert answer.failed == {0: "it took longer than 1 s"}
    assert answer.measurements
    with pytest.raises(TooLongError, match="took longer than 3 s"):
        run([fifo], instance_seconds=60.0, seconds=3.0)


def test_a_study_of_killers_is_given_up(tmp_path: Path) -> None:
    fifos = []
    for index in range(7):
        fifos.append(tmp_path / f"{index}.dcm")
        os.mkfifo(fifos[-1])
    with pytest.raises(RefusedError, match="could not be decoded within the limits"):
        run(fifos, instance_seconds=0.2)


def test_no_process_is_left(tmp_path: Path) -> None:
    fifo = tmp_path / "slow.dcm"
    os.mkfifo(fifo)
    with pytest.raises(TooLongError):
        run([fifo], instance_seconds=60.0, seconds=2.0)
    left = [it for it in Path("/proc").glob("[0-9]*/stat") if f" {os.getpid()} " in _stat(it).split(")")[-1][:20]]
    assert [it for it in left if "Z" not in _stat(it).split(")")[-1][:3]] == []


def _stat(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def test_compressed_images_are_decoded(tmp_path: Path) -> None:
    plain = image(noisy())
    values = plain.pixel_array
    for syntax in (JPEG2000Lossless, RLELossless):
        packed = image(noisy())
        packed.compress(syntax)
        (file,) = written(tmp_path, encoded(packed))
        assert (frame(open_instance(file, LIMITS), 1).stored == values).all()


def test_rescale_of_enhanced_images_is_found(tmp_path: Path) -> None:
    dataset = image(np.ones((2, 4, 4), dtype=np.uint16), RescaleSlope=None, RescaleIntercept=None)
    value = Dataset()
    value.RescaleSlope, value.RescaleIntercept = 2, -10
    group = Dataset()
    group.PixelValueTransformationSequence = Sequence([value])
    dataset.SharedFunctionalGroupsSequence = Sequence([group])
    assert frame(dataset, 2).values[0, 0] == -8
