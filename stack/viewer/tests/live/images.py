"""Write DICOM files of several kinds for the browser's tests; prints a line of JSON a file.

Usage: python images.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SAMPLES = {
    "CT, uncompressed": "CT_small.dcm",
    "MR, uncompressed": "MR_small.dcm",
    "JPEG 2000": "JPEG2000.dcm",
    "JPEG, lossless": "SC_rgb_jpeg_gdcm.dcm",
    "RLE": "MR_small_RLE.dcm",
    "several frames, colour": "examples_ybr_color.dcm",
}
HOSTILE = "<script>window.hurt=1</script><img src=x onerror=window.hurt=1>"


def main(folder: Path) -> None:
    """Write everything."""
    for title, name in SAMPLES.items():
        dataset = dcmread(get_testdata_file(name))
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(dataset, keyword, generate_uid())
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.PatientID = dataset.PatientID or f"ID {name}"
        _write(folder, title, dataset)
    _write(folder, "a gradient", gradient())
    hurtful = gradient()
    hurtful.SpecificCharacterSet = "ISO_IR 192"
    hurtful.PatientName = HOSTILE[:60]
    hurtful.StudyDescription = HOSTILE
    hurtful.SeriesDescription = HOSTILE
    hurtful.PatientID = "'\"><b>x</b>"
    _write(folder, "hostile", hurtful)
    foreign = gradient()
    foreign.SpecificCharacterSet = "ISO_IR 192"
    foreign.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    foreign.StudyDescription = "دراسة الصدر"
    foreign.PatientID = "RTL"
    _write(folder, "other scripts", foreign)
    undated = gradient()
    undated.PatientID, undated.PatientName = "UNDATED", ""
    undated.PatientBirthDate = undated.StudyDate = undated.StudyTime = ""
    undated.StudyDescription = undated.AccessionNumber = ""
    _write(folder, "unknown dates", undated)


def gradient() -> Dataset:
    """A CT whose greys are known: 256 columns from -1024 to 1016 HU."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.FrameOfReferenceUID = generate_uid()
    dataset.PatientID, dataset.PatientName = "GRADIENT", "Grey^Even"
    dataset.PatientBirthDate, dataset.PatientSex = "19700101", "O"
    dataset.StudyDate, dataset.StudyTime, dataset.Modality = "20260102", "030405", "CT"
    dataset.StudyDescription, dataset.SeriesNumber, dataset.InstanceNumber = "Gradient", 1, 1
    dataset.AccessionNumber = "A1"
    dataset.Rows = dataset.Columns = 256
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.WindowCenter, dataset.WindowWidth = 0, 2048
    dataset.PixelSpacing, dataset.SliceThickness = [1, 1], 1
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    dataset.PixelData = np.tile(np.arange(0, 2048, 8, dtype="<i2"), (256, 1)).tobytes()
    return dataset


def _write(folder: Path, title: str, dataset: Dataset) -> None:
    file = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.save_as(file, enforce_file_format=True)
    print(json.dumps({"title": title, "file": str(file), "study": str(dataset.StudyInstanceUID)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
