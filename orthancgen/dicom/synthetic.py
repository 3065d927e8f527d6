"""Synthetic instances of a test patient whom nobody can mistake for a real one.

Pure functions: identifiers come from the `run` that the caller names and the time from the caller too, so the same
arguments give the same bytes. Pixels follow a rule (`expected_pixels`), so that what a server stored can be checked.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from pydicom import dcmwrite
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

PATIENT_NAME = "ORTHANCGEN^VERIFICATION"
PATIENT_ID_PREFIX = "ORTHANCGEN-VERIFY-"
NOTICE = "SYNTHETIC TEST DATA made by orthancgen: not a patient, not for diagnosis. May be deleted."
MANUFACTURER = "orthancgen"

IMPLEMENTATION_CLASS_UID = UID("2.25.258896975071273986474507277614076890247")
IMPLEMENTATION_VERSION_NAME = "ORTHANCGEN"

PIXEL_LEVELS = 4096
"""Pixel values run from 0 to 4095: 12 bits stored."""

_NAMESPACE = uuid.UUID("68472c42-9b30-4e44-bcb5-9d2d7494e4b7")
_RUN = re.compile(r"[A-Za-z0-9._-]{1,40}")
_LONGEST_UID = len("2.25.") + 39
_INDEX_DIGITS = 6
MAX_SLICES = 10**_INDEX_DIGITS - 1


@dataclass(frozen=True)
class SyntheticInstance:
    """One instance as a DICOM Part 10 file.

    Attributes:
        data: the whole file, preamble and file meta information included.
        index: its number in the series, from 0; `expected_pixels` takes it.
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    patient_id: str
    index: int
    data: bytes


def uid(*names: str) -> str:
    """A UID under ``2.25.`` from a name-based UUID: the same names give the same UID, other names another one.

    Always 44 characters long, without a leading zero, so that a template may hold it and any other in its place.
    PS3.5 section 9.1 and annex B.2 (https://dicom.nema.org/medical/dicom/current/output/chtml/part05/sect_B.2.html).
    """
    attempt = 0
    while True:
        value = uuid.uuid5(_NAMESPACE, "\0".join([*names, str(attempt)])).int
        text = f"2.25.{value}"
        if len(text) == _LONGEST_UID:
            return text
        attempt += 1


def patient_id(run: str) -> str:
    """The PatientID of a run (VR LO: at most 64 characters and no backslash, PS3.5 table 6.2-1).

    Raises:
        ValueError: `run` is not 1 to 40 letters, digits, dots, underscores and hyphens.
    """
    if not _RUN.fullmatch(run):
        raise ValueError(f"run is {run!r}, not 1 to 40 letters, digits, dots, underscores and hyphens")
    return PATIENT_ID_PREFIX + run


def expected_pixels(rows: int, columns: int, index: int = 0) -> bytes:
    """The pixel data of slice `index`: rows x columns little-endian 16-bit words, word k is (k + index) mod 4096."""
    start = index % PIXEL_LEVELS
    return _ramp(rows * columns + start)[2 * start :]


def _ramp(words: int) -> bytes:
    period = b"".join(value.to_bytes(2, "little") for value in range(PIXEL_LEVELS))
    return (period * (words // PIXEL_LEVELS + 1))[: 2 * words]


def ct_instance(run: str, moment: datetime, *, rows: int = 64, columns: int = 64) -> SyntheticInstance:
    """One small CT slice: the first of `ct_series` with the same arguments and a count of one."""
    return next(ct_series(run, moment, 1, rows=rows, columns=columns))


def secondary_capture(run: str, moment: datetime, *, rows: int = 64, columns: int = 64) -> SyntheticInstance:
    """One small secondary capture (modality OT, conversion type SYN: synthetic image), unlike any modality's image."""
    dataset = _base(run, moment, SecondaryCaptureImageStorage, "OT", "sc", rows, columns)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid(run, "sc", "0"))
    dataset.ConversionType = "SYN"
    dataset.InstanceNumber = 1
    dataset.PatientOrientation = ""
    dataset.PixelData = expected_pixels(rows, columns)
    return _described(dataset, 0, _encode(dataset))


def ct_series(
    run: str, moment: datetime, count: int, *, rows: int = 256, columns: int = 256, series: int = 1
) -> Iterator[SyntheticInstance]:
    """`count` CT slices of rows x columns, 1 mm apart, 16 bits allocated: Explicit VR Little Endian, valid CT images.

    The file is written once by pydicom, and per slice only its UID, number, position and pixels are put in their
    places, which all keep their lengths.

    Args:
        run: names the run; every UID and the PatientID derive from it.
        moment: date and time of the study, series and instances.
        count: how many slices, at most MAX_SLICES.
        rows: height in pixels.
        columns: width in pixels.
        series: SeriesNumber; another number is another series of the same study.

    Raises:
        ValueError: `count` is not between 1 and MAX_SLICES, or `run` is no name for a run (`patient_id`).
    """
    if not 1 <= count <= MAX_SLICES:
        raise ValueError(f"count is {count}, not between 1 and {MAX_SLICES}")
    dataset = _base(run, moment, CTImageStorage, "CT", f"ct{series}", rows, columns)
    dataset.SeriesNumber = series
    places = _placeholders()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(places["uid"])
    _ct_elements(dataset, places)
    pixel_bytes = 2 * rows * columns
    dataset.PixelData = b"\xff" * pixel_bytes
    template = _encode(dataset)
    pieces = _split(template[: len(template) - pixel_bytes], [place.encode() for place in places.values()])
    names = {place.encode(): name for name, place in places.items()}
    ramp = _ramp(rows * columns + PIXEL_LEVELS)
    for index in range(count):
        values = _slice_values(run, series, index)
        start = 2 * (index % PIXEL_LEVELS)
        header = b"".join(values[names[piece]].encode() if piece in names else piece for piece in pieces)
        yield SyntheticInstance(
            sop_class_uid=str(CTImageStorage),
            sop_instance_uid=values["uid"],
            series_instance_uid=str(dataset.SeriesInstanceUID),
            study_instance_uid=str(dataset.StudyInstanceUID),
            patient_id=str(dataset.PatientID),
            index=index,
            data=header + ramp[start : start + pixel_bytes],
        )


def write_series(
    folder: Path, run: str, moment: datetime, count: int, *, rows: int = 256, columns: int = 256
) -> list[Path]:
    """Writes `ct_series` into `folder` (made if missing) as 000000.dcm and so on; the paths in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for instance in ct_series(run, moment, count, rows=rows, columns=columns):
        path = folder / f"{instance.index:0{_INDEX_DIGITS}d}.dcm"
        path.write_bytes(instance.data)
        paths.append(path)
    return paths


def _placeholders() -> dict[str, str]:
    # As long as the values that take their places, and valid for their VR; none may be part of another or of the rest.
    return {"uid": "2.25." + "9" * 39, "number": "987654", "position": "-125\\-125\\+876543", "location": "+765432"}


def _slice_values(run: str, series: int, index: int) -> dict[str, str]:
    return {
        "uid": uid(run, f"ct{series}", str(index)),
        "number": f"{index + 1:0{_INDEX_DIGITS}d}",
        "position": f"-125\\-125\\+{index:0{_INDEX_DIGITS}d}",
        "location": f"+{index:0{_INDEX_DIGITS}d}",
    }


def _split(data: bytes, places: list[bytes]) -> list[bytes]:
    pieces = [data]
    for place in places:
        divided: list[bytes] = []
        for piece in pieces:
            if piece in places:
                divided.append(piece)
                continue
            parts = piece.split(place)
            for part in parts[:-1]:
                divided += [part, place]
            divided.append(parts[-1])
        pieces = divided
    return pieces


def _base(
    run: str, moment: datetime, sop_class: UID, modality: str, series: str, rows: int, columns: int
) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = sop_class
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = date
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = time
    dataset.AccessionNumber = "ORTHANCGEN"
    dataset.Modality = modality
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = "synthetic"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "orthancgen verification (synthetic)"
    dataset.SeriesDescription = "synthetic ramp, not a patient"
    dataset.PatientName = PATIENT_NAME
    dataset.PatientID = patient_id(run)
    dataset.IssuerOfPatientID = "ORTHANCGEN"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "synthetic: there never was a patient"
    dataset.PatientComments = NOTICE
    dataset.StudyInstanceUID = UID(uid(run, "study"))
    dataset.SeriesInstanceUID = UID(uid(run, "series", series))
    dataset.StudyID = "1"
    dataset.SeriesNumber = 1
    dataset.ImageComments = NOTICE
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = rows
    dataset.Columns = columns
    dataset.BitsAllocated = 16
    dataset.BitsStored = 12
    dataset.HighBit = 11
    dataset.PixelRepresentation = 0
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    return dataset


def _ct_elements(dataset: FileDataset, places: dict[str, str]) -> None:
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    dataset.KVP = ""
    dataset.SliceThickness = 1
    dataset.AcquisitionNumber = 1
    dataset.InstanceNumber = places["number"]
    dataset.ImagePositionPatient = places["position"]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.FrameOfReferenceUID = UID(uid(str(dataset.StudyInstanceUID), "frame"))
    dataset.PositionReferenceIndicator = ""
    dataset.SliceLocation = places["location"]
    dataset.PixelSpacing = [1, 1]
    dataset.WindowCenter = 1024
    dataset.WindowWidth = 4096
    dataset.RescaleIntercept = -1024
    dataset.RescaleSlope = 1
    dataset.RescaleType = "HU"


def _encode(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _described(dataset: FileDataset, index: int, data: bytes) -> SyntheticInstance:
    return SyntheticInstance(
        sop_class_uid=str(dataset.SOPClassUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
        series_instance_uid=str(dataset.SeriesInstanceUID),
        study_instance_uid=str(dataset.StudyInstanceUID),
        patient_id=str(dataset.PatientID),
        index=index,
        data=data,
    )
