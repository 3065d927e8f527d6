"""Write real DICOM files as studies of their own for the browser's tests; prints a line of JSON a file.

The files are pydicom's own and those of pydicom-data. A line has the title, path, study, transfer syntax and, where the
pixels are not compressed, what is to be seen of them: means of a grid of 16 x 16 blocks, red, green and blue, 0 to 255,
as the standard's default display gives them (PS3.3 sections C.11.1 and C.11.2, PS3.4 section N.2).

Usage: python archive.py FOLDER [NUMBER SEED]    with a number, so many of them, chosen by the seed
"""

from __future__ import annotations

import copy
import itertools
import json
import random
import shutil
import sys
import warnings
from pathlib import Path

import data_store
import numpy as np
import pydicom.data
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_color_lut, apply_modality_lut
from pydicom.uid import generate_uid

GRID = 16
FOLDERS = (Path(pydicom.data.__file__).parent / "test_files", Path(data_store.__file__).parent / "data")
WHOLE = ("RG1_UNCR", "RG3_UNCR", "MR2_UNCR", "693_UNCR", "eCT_Supplemental", "color3d_jpeg_baseline", "liver")
"""Of a sample there are always some of these: full-size images of each kind."""
UNSHOWN = ("MR_truncated", "SC_rgb_16bit", "SC_rgb_rle_32bit", "color-px", "JPEGLSNearLossless_08", "gdcm-US-ALOKA-16")
"""And one of these, of which a page has to say why it is not drawn as it should be: each for another reason."""


def main(folder: Path, number: int | None, seed: int) -> None:
    """Write all, or a sample."""
    warnings.simplefilter("ignore")
    files = {path.stem: path for root in FOLDERS for path in sorted(root.glob("*.dcm")) if has_image(path)}
    chosen = sorted(files)
    if number is not None:
        dice = random.Random(seed)
        first = [*dice.sample(WHOLE, number // 2), dice.choice(UNSHOWN)]
        chosen = first + dice.sample(sorted(set(files) - set(first)), number - len(first))
    for name in chosen:
        dataset = dcmread(files[name])
        expected, why = greys(dataset)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(dataset, keyword, generate_uid())
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.PatientID = f"ID {name}"[:64]
        file = folder / f"{name}.dcm"
        try:
            dataset.save_as(file)
        except (TypeError, ValueError, KeyError):  # broken on purpose: it goes as it is
            shutil.copyfile(files[name], file)
            dataset = dcmread(files[name])
        syntax = dataset.file_meta.TransferSyntaxUID
        facts = {
            "title": name,
            "file": str(file),
            "study": str(dataset.StudyInstanceUID),
            "modality": str(dataset.get("Modality", "")),
            "syntax": str(syntax),
            "frames": str(dataset.get("NumberOfFrames", "1")),
            "expected": expected,
            "incomparable": why,
        }
        print(json.dumps(facts))


def has_image(path: Path) -> bool:
    """Whether it is a file with pixels that any viewer could be given."""
    try:
        dataset = dcmread(path, stop_before_pixels=False)
    except InvalidDicomError:
        return False
    return "PixelData" in dataset and "SOPClassUID" in dataset and "TransferSyntaxUID" in dataset.file_meta


def greys(dataset: Dataset) -> tuple[list[list[int]] | None, str | None]:
    """What is to be seen, or why that cannot be told."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        return None, "compressed"
    if "RedPaletteColorLookupTableData" in dataset and dataset.PhotometricInterpretation != "PALETTE COLOR":
        return None, "coloured beyond its greys"
    if "VOILUTSequence" in dataset:
        return None, "a table instead of a window"
    if dataset.BitsAllocated not in (8, 16):
        return None, f"{dataset.BitsAllocated} bits"
    if min(dataset.Rows, dataset.Columns) < GRID:
        return None, "smaller than the grid"
    try:
        frame = dataset.pixel_array
    except (ValueError, AttributeError, TypeError) as error:
        return None, f"pydicom: {type(error).__name__}"
    several = str(dataset.get("NumberOfFrames", "1")) not in ("1", "None")
    if several:
        frame = frame[0]
    shown = colour(dataset, frame) if frame.ndim == 3 or "PALETTE" in dataset.PhotometricInterpretation else None
    if shown is None:
        shown = np.repeat(window(dataset, frame)[..., None], 3, axis=2)
    return blocks(shown), None


def colour(dataset: Dataset, frame: NDArray[np.generic]) -> NDArray[np.float64]:
    """Red, green and blue. pydicom has turned YBR into RGB already (`Dataset.pixel_array`, since 3.0)."""
    interpretation = dataset.PhotometricInterpretation
    if interpretation == "PALETTE COLOR":
        coloured = apply_color_lut(frame, with_native_palette(dataset))
        most = 65535 if coloured.dtype == np.uint16 else 255
        return coloured.astype(np.float64) * 255 / most
    return frame.astype(np.float64) * 255 / (2 ** int(dataset.BitsStored) - 1)


def with_native_palette(dataset: Dataset) -> Dataset:
    """The same with its palettes in this machine's order of bytes: pydicom 3.0 takes any file's for that.

    It does turn those that are in segments.
    """
    native = dataset.file_meta.TransferSyntaxUID.is_little_endian == (sys.byteorder == "little")
    if native or "RedPaletteColorLookupTableData" not in dataset:
        return dataset
    turned = copy.deepcopy(dataset)
    for colour_name in ("Red", "Green", "Blue"):
        keyword = f"{colour_name}PaletteColorLookupTableData"
        turned[keyword] = DataElement(keyword, "OW", np.frombuffer(dataset[keyword].value, "u2").byteswap().tobytes())
    return turned


def window(dataset: Dataset, frame: NDArray[np.generic]) -> NDArray[np.float64]:
    """One window, the first that is named (PS3.3 C.11.2.1.2); from the least to the most where none is."""
    rescaled = apply_modality_lut(frame, dataset).astype(np.float64)
    centre, width = first(dataset.get("WindowCenter")), first(dataset.get("WindowWidth"))
    if centre is None or width is None:
        low, high = float(rescaled.min()), float(rescaled.max())
    else:
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    shown = np.clip((rescaled - low) / max(high - low, 1e-9), 0, 1) * 255
    return 255 - shown if dataset.PhotometricInterpretation == "MONOCHROME1" else shown


def first(value: object) -> float | None:
    """The first of several."""
    if value is None or value == "":
        return None
    return float(value[0] if isinstance(value, (list, pydicom.multival.MultiValue)) else value)  # type: ignore[arg-type]


def blocks(shown: NDArray[np.float64]) -> list[list[int]]:
    """Means of a grid, row by row."""
    rows = np.linspace(0, shown.shape[0], GRID + 1).astype(int)
    columns = np.linspace(0, shown.shape[1], GRID + 1).astype(int)
    return [
        [round(float(v)) for v in shown[r0 : max(r1, r0 + 1), c0 : max(c1, c0 + 1)].mean(axis=(0, 1))]
        for r0, r1 in itertools.pairwise(rows)
        for c0, c1 in itertools.pairwise(columns)
    ]


if __name__ == "__main__":
    main(
        Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None, int(sys.argv[3]) if len(sys.argv) > 3 else 0
    )
