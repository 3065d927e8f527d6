"""Write DICOM files that somebody with bad intentions, or a broken device, might send; prints a line of JSON a file.

Usage: python hostile.py FOLDER
"""

from __future__ import annotations

import json
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

TEXTS = {
    "script": "<script>window.hurt=1</script><svg onload=window.hurt=1>",
    "image": '"><img src=x onerror=window.hurt=1>',
    "address": "javascript:window.hurt=1",
    "template": "{{constructor.constructor('window.hurt=1')()}}${window.hurt=1}",
    "bidi": "\u202egnp.exe\u202c\u2066\u200f abc \u2069",
    "control": "a\x07b\x1bc\x7fd\x85e\u2028f\u0000g",
    "combining": "Z" + "\u0301\u0348" * 2000,
    "long": "long " * 2000,
}
FIELDS = ("PatientName", "StudyDescription", "SeriesDescription", "ProtocolName", "InstitutionName", "AccessionNumber")
INFLATED_BYTES = 2 * 1024**3
CLAIMED = {"Rows": 32768, "Columns": 32768, "NumberOfFrames": 2}
"""2 GiB of eight-bit pixels, of which none are there."""


def main(folder: Path) -> None:
    """Write everything."""
    warnings.simplefilter("ignore")
    for name, text in TEXTS.items():
        dataset = image(f"text {name}")
        dataset.SpecificCharacterSet = "ISO_IR 192"
        for keyword in FIELDS:
            dataset[keyword] = DataElement(keyword, "UT" if keyword == "_" else _vr(keyword), text, validation_mode=0)
        write(folder, f"text: {name}", dataset)
    for missing in (
        ("PatientID",),
        ("PatientName", "StudyDescription", "SeriesDescription"),
        ("StudyDate", "StudyTime"),
        ("Modality",),
        ("PatientID", "PatientName", "StudyDate", "Modality", "SeriesNumber", "InstanceNumber", "AccessionNumber"),
        ("WindowCenter", "WindowWidth", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"),
        ("Rows", "Columns"),
        ("PixelData",),
    ):
        dataset = image("missing")
        for keyword in missing:
            delattr(dataset, keyword)
        write(folder, f"without {', '.join(missing)}", dataset)
    claims = image("claims 2 GiB")
    claims.BitsAllocated = claims.BitsStored = 8
    claims.HighBit, claims.PixelRepresentation = 7, 0
    for keyword, value in CLAIMED.items():
        setattr(claims, keyword, value)
    claims.SOPClassUID = claims.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    write(folder, "claims 2 GiB of pixels", claims)
    frames = image("claims 60,000 frames")
    frames.NumberOfFrames = 60_000
    frames.SOPClassUID = frames.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    write(folder, "claims 60,000 frames", frames)
    broken = image("broken JPEG 2000")
    broken.file_meta.TransferSyntaxUID = JPEG2000
    codestream = b"\xff\x4f\xff\x51" + bytes(range(256)) * 8
    broken.PixelData = encapsulate([codestream + b"\x00" * (len(codestream) % 2)])
    broken["PixelData"].is_undefined_length = True
    write(folder, "a broken JPEG 2000", broken)
    bomb(folder)


def _vr(keyword: str) -> str:
    """A field's value representation (PS3.6)."""
    return {"PatientName": "PN", "AccessionNumber": "SH"}.get(keyword, "LO")


def image(name: str) -> Dataset:
    """A small CT with everything."""
    it = Dataset()
    it.file_meta = FileMetaDataset()
    it.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    it.SOPClassUID = it.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    it.SOPInstanceUID = it.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    it.StudyInstanceUID, it.SeriesInstanceUID = generate_uid(), generate_uid()
    it.PatientID, it.PatientName = name[:64], "Hostile^One"
    it.StudyDate, it.StudyTime, it.Modality, it.AccessionNumber = "20260102", "030405", "CT", "A1"
    it.StudyDescription = it.SeriesDescription = it.ProtocolName = it.InstitutionName = "Plain"
    it.SeriesNumber = it.InstanceNumber = 1
    it.Rows = it.Columns = 64
    it.SamplesPerPixel, it.PhotometricInterpretation = 1, "MONOCHROME2"
    it.BitsAllocated, it.BitsStored, it.HighBit, it.PixelRepresentation = 16, 16, 15, 1
    it.RescaleSlope, it.RescaleIntercept = 1, 0
    it.WindowCenter, it.WindowWidth = 2048, 4096
    it.PixelSpacing, it.ImagePositionPatient, it.ImageOrientationPatient = [1, 1], [0, 0, 0], [1, 0, 0, 0, 1, 0]
    it.PixelData = np.tile(np.arange(0, 4096, 64, dtype="<i2"), (64, 1)).tobytes()
    return it


def bomb(folder: Path) -> None:
    """A deflated file (PS3.5 section A.5) of some MB which claims INFLATED_BYTES of pixels, and has them as zeroes."""
    dataset = image("deflate bomb")
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.Rows = dataset.Columns = 32768
    dataset.PixelData = b"\0\0"
    file = folder / "bomb.dcm"
    dataset.save_as(file, enforce_file_format=True)
    content = file.read_bytes()
    plain = image("deflate bomb")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(plain, keyword, dataset[keyword].value)
    plain.Rows = plain.Columns = 32768
    del plain.PixelData
    plain.save_as(folder / "head", enforce_file_format=True)
    head = (folder / "head").read_bytes()
    start = 132 + 12 + struct.unpack("<I", head[140:144])[0]
    compress = zlib.compressobj(1, zlib.DEFLATED, -15)
    size = INFLATED_BYTES - 2
    out = [compress.compress(head[start:] + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size))]
    zeroes = bytes(16 * 1024**2)
    for left in range(size, 0, -len(zeroes)):
        out.append(compress.compress(zeroes[: min(left, len(zeroes))]))
    out.append(compress.flush())
    body = b"".join(out)
    own = 132 + 12 + struct.unpack("<I", content[140:144])[0]
    file.write_bytes(content[:own] + body + b"\0" * (len(body) % 2))
    (folder / "head").unlink()
    tell("a deflate bomb", file, dataset)


def write(folder: Path, title: str, dataset: Dataset) -> None:
    """One file, however odd."""
    file = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.save_as(file)
    tell(title, file, dataset)


def tell(title: str, file: Path, dataset: Dataset) -> None:
    """A line of JSON."""
    print(json.dumps({"title": title, "file": str(file), "study": str(dataset.StudyInstanceUID)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
