"""Reading one instance, which may be hostile: each size is known and bounded before memory is taken for it.

What slips through, a decoder that trusts a compressed stream's own header, meets the process's limit of memory.
"""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.pixels import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from .errors import UnreadableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .config import Limits

MAXIMUM_FRAMES = 1_000_000
#: The length of what ends with a delimiter (PS3.5 7.1.2).
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Frame:
    """One frame: its grey values after rescaling, and those stored in the file."""

    number: int
    values: NDArray[np.float64]
    stored: NDArray[np.generic]


def open_instance(file: Path, limits: Limits) -> Dataset:
    """Reads a DICOM file (PS3.10).

    Raises:
        UnreadableError: saying why it cannot be read.
    """
    size = file.stat().st_size
    if size > limits.instance_bytes:
        raise UnreadableError(f"the file is larger than {limits.instance_bytes} bytes")
    try:
        meta = read_file_meta_info(file)
        syntax = meta.get("TransferSyntaxUID")
        if syntax != DeflatedExplicitVRLittleEndian:
            dataset = dcmread(file)
        else:
            # PS3.5 A.5: pydicom would inflate all of it, however much that is.
            content = _inflate(file.read_bytes()[_end_of_meta(file) :], limits.inflated_bytes)
            dataset = read_dataset(BytesIO(content), is_implicit_VR=False, is_little_endian=True)
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.file_meta = meta
    except UnreadableError:
        raise
    except InvalidDicomError as error:
        raise UnreadableError("this is no DICOM file") from error
    except MemoryError as error:
        raise UnreadableError("reading it needs more memory than there is for it") from error
    except Exception as error:
        raise UnreadableError(f"the file cannot be read ({type(error).__name__})") from error
    if syntax is None:
        raise UnreadableError("the file names no transfer syntax")
    claimed = _longest_claim(dataset)
    if claimed is not None:
        raise UnreadableError(f"an element claims {claimed} bytes, which the file does not hold")
    return dataset


def _longest_claim(dataset: Dataset) -> int | None:
    """The length of an element which claims more than there is."""
    for tag in dataset.keys():  # noqa: SIM118 - a look at the raw elements, which iteration would convert
        with contextlib.suppress(Exception):  # an empty element is converted all the same, and it may be nonsense
            item = dataset.get_item(tag)
            if (
                isinstance(item, RawDataElement)
                and item.value is not None
                and len(item.value) < item.length < UNDEFINED
            ):
                return int(item.length)
    return None


def _end_of_meta(file: Path) -> int:
    with file.open("rb") as stream:
        stream.seek(132)
        header = stream.read(12)
    # (0002,0000) UL of length 4: how many bytes of meta information follow (PS3.10 7.1).
    if header[:8] != b"\x02\x00\x00\x00UL\x04\x00":
        raise UnreadableError("the file's meta information has no length")
    return 144 + int.from_bytes(header[8:], "little")


def _inflate(content: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = stream.decompress(content, limit + 1)
    except zlib.error as error:
        raise UnreadableError("the deflated content cannot be inflated") from error
    if len(inflated) > limit:
        raise UnreadableError(f"the deflated content is larger than {limit} bytes when inflated")
    return inflated


def attribute(dataset: Dataset, keyword: str, unreadable: Any = None) -> Any:
    """The attribute's value, None where it is absent.

    pydicom converts a value at the first look, and raises what it will where that cannot be done.
    """
    try:
        return dataset.get(keyword)
    except Exception:
        return unreadable


def whole_number(dataset: Dataset, keyword: str, usual: int | None = None) -> int | None:
    """The attribute as a number; `usual` where it is absent, empty or none."""
    try:
        value = attribute(dataset, keyword)
        return usual if value is None or value == "" else int(value)
    except (TypeError, ValueError, OverflowError):
        return usual


def check_pixels(dataset: Dataset, limits: Limits) -> int:
    """How many frames there are.

    Raises:
        UnreadableError: where there is no image, or what it claims to be is impossible or too large.
    """
    if "PixelData" not in dataset:
        raise UnreadableError("the instance holds no image")
    rows, columns, allocated = (whole_number(dataset, it) for it in ("Rows", "Columns", "BitsAllocated"))
    samples = whole_number(dataset, "SamplesPerPixel", 1) or 0
    frames = whole_number(dataset, "NumberOfFrames", 1) or 0
    if not rows or not columns or not allocated or samples not in (1, 3, 4):
        raise UnreadableError("Rows, Columns, BitsAllocated or SamplesPerPixel is missing or impossible")
    if not 1 <= frames <= MAXIMUM_FRAMES:
        raise UnreadableError(f"NumberOfFrames is not between 1 and {MAXIMUM_FRAMES}")
    size = rows * columns * samples * allocated / 8
    if size > limits.frame_bytes:
        raise UnreadableError(f"a frame of it claims to be larger than {limits.frame_bytes} bytes")
    try:
        compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
    except ValueError as error:
        raise UnreadableError("the file's transfer syntax is unknown") from error
    if attribute(dataset, "PhotometricInterpretation") == "YBR_FULL_422":
        size = size * 2 / 3  # two pixels share their colours (PS3.3 C.7.6.3.1.2)
    if not compressed and size * frames > len(dataset.PixelData) + 1:
        raise UnreadableError(f"it claims {frames} frames of {rows} x {columns}, and holds fewer bytes than that")
    return frames


def frame(dataset: Dataset, number: int) -> Frame:
    """A frame, numbered from 1, as grey values.

    Raises:
        UnreadableError: where it cannot be decoded.
    """
    try:
        stored = np.asarray(pixel_array(dataset, index=number - 1))
        values = stored.astype(np.float64)
        if values.ndim == 3:
            # Luma of ITU-R BT.601, as in JPEG.
            values = values[..., :3] @ np.array([0.299, 0.587, 0.114])
        else:
            slope, intercept = rescale(dataset, number)
            values = values * slope + intercept
    except MemoryError as error:
        raise UnreadableError("decoding it needs more memory than there is for it") from error
    except Exception as error:
        raise UnreadableError(f"the image cannot be decoded ({type(error).__name__})") from error
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise UnreadableError("the decoded image is no plane of numbers")
    return Frame(number, values, stored)


def rescale(dataset: Dataset, number: int) -> tuple[float, float]:
    """RescaleSlope and RescaleIntercept of a frame; those of an enhanced image lie in its functional groups."""
    for place in _places(dataset, number):
        slope, intercept = decimal(place, "RescaleSlope"), decimal(place, "RescaleIntercept")
        if slope is not None and intercept is not None and slope != 0:
            return slope, intercept
    return 1.0, 0.0


def _places(dataset: Dataset, number: int) -> list[Dataset]:
    places = [dataset]
    for keyword, index in (("PerFrameFunctionalGroupsSequence", number - 1), ("SharedFunctionalGroupsSequence", 0)):
        groups = attribute(dataset, keyword) or []
        if len(groups) > index:
            places.extend(attribute(groups[index], "PixelValueTransformationSequence") or [])
    return places


def decimal(dataset: Dataset, keyword: str) -> float | None:
    """The attribute, or the first of its values, as a finite number; None where it is no such thing."""
    try:
        value = attribute(dataset, keyword)
        if value is None or value == "":
            return None
        if not isinstance(value, (str, int, float)):
            value = value[0]
        number = float(value)
    except (TypeError, ValueError, IndexError, OverflowError, KeyError):
        return None
    return number if np.isfinite(number) else None


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the numbers 0 to count - 1, evenly spread, with the first and the last."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [count // 2]
    return sorted({round(it * (count - 1) / (most - 1)) for it in range(most)})
