"""Image quality: measurements of one frame and of one instance's tags. Pure functions.

Each measurement's formula stands in MEASURES, which the provider also tells to whoever asks.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .contract import Measure
from .reading import Frame, attribute, decimal, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

#: Bins of the histogram of a CT image in Hounsfield units: name, from, below. Water is 0 and air -1000 (PS3.3 C.8.2.1).
HU_BINS: tuple[tuple[str, float, float], ...] = (
    ("hu_below_m1024", -np.inf, -1024),
    ("hu_m1024_m900", -1024, -900),
    ("hu_m900_m500", -900, -500),
    ("hu_m500_m150", -500, -150),
    ("hu_m150_m30", -150, -30),
    ("hu_m30_20", -30, 20),
    ("hu_20_100", 20, 100),
    ("hu_100_300", 100, 300),
    ("hu_300_1000", 300, 1000),
    ("hu_1000_3071", 1000, 3071),
    ("hu_from_3071", 3071, np.inf),
)


def _fractions() -> list[Measure]:
    made = []
    for name, low, high in HU_BINS:
        title = f"HU below {high:g}" if low == -np.inf else f"HU from {low:g}"
        if np.isfinite(low) and np.isfinite(high):
            title += f" to below {high:g}"
        formula = f"pixels with {low:g} <= HU < {high:g}, divided by all pixels; HU = stored * RescaleSlope + Intercept"
        made.append(Measure(name=name, title=title, unit="1", formula=formula))
    return made


MEASURES: tuple[Measure, ...] = (
    Measure(name="minimum", title="Minimum", unit="1", formula="the least value of the frame after rescaling"),
    Measure(name="maximum", title="Maximum", unit="1", formula="the greatest value of the frame after rescaling"),
    Measure(name="mean", title="Mean", unit="1", formula="sum of all values, divided by their number"),
    Measure(
        name="standard_deviation",
        title="Standard deviation",
        unit="1",
        formula="square root of the mean squared difference from the mean",
    ),
    Measure(name="median", title="Median", unit="1", formula="half of the values are below"),
    Measure(name="percentile_1", title="1st percentile", unit="1", formula="1 % of the values are below"),
    Measure(name="percentile_99", title="99th percentile", unit="1", formula="99 % of the values are below"),
    Measure(
        name="entropy",
        title="Entropy of the histogram",
        unit="bit",
        formula="-sum p*log2(p) over a histogram of 256 bins between minimum and maximum",
    ),
    Measure(
        name="noise",
        title="Noise, estimated",
        unit="1",
        formula="sqrt(pi/2) / (6*(W-2)*(H-2)) * sum |I * [1 -2 1; -2 4 -2; 1 -2 1]| (J. Immerkaer, Fast Noise "
        "Variance Estimation, 1996); fine structure counts as noise",
    ),
    Measure(
        name="snr",
        title="Signal to noise, estimated",
        unit="1",
        formula="(mean of the pixels above the threshold of Otsu minus the 1st percentile of all), divided by the "
        "estimated noise; left out where there is no noise",
    ),
    Measure(
        name="sharpness",
        title="Sharpness",
        unit="1",
        formula="variance of the Laplacian [0 1 0; 1 -4 1; 0 1 0] of the frame scaled so that the 1st percentile is 0 "
        "and the 99th is 1; noise raises it too",
    ),
    Measure(
        name="clipped_low",
        title="Clipped at the low end",
        unit="1",
        formula="pixels at the least value that BitsStored can hold, divided by all pixels; an empty background is "
        "there as well",
    ),
    Measure(
        name="clipped_high",
        title="Clipped at the high end",
        unit="1",
        formula="pixels at the greatest value that BitsStored can hold, divided by all pixels",
    ),
    *_fractions(),
)

#: Attributes of exposure, as they are: name, keyword, title, unit of UCUM.
EXPOSURE: tuple[tuple[str, str, str, str], ...] = (
    ("kvp", "KVP", "Peak voltage (KVP)", "kV"),
    ("tube_current", "XRayTubeCurrent", "Tube current (XRayTubeCurrent)", "mA"),
    ("exposure_time", "ExposureTime", "Exposure time (ExposureTime)", "ms"),
    ("exposure", "Exposure", "Exposure (Exposure)", "mA.s"),
    ("exposure_index", "ExposureIndex", "Exposure index (ExposureIndex)", "1"),
    ("deviation_index", "DeviationIndex", "Deviation index (DeviationIndex)", "1"),
    ("ctdi_vol", "CTDIvol", "CTDIvol (CTDIvol)", "mGy"),
)

EXPOSURE_MEASURES: tuple[Measure, ...] = tuple(
    Measure(name=name, title=title, unit=unit, formula=f"the attribute {keyword} of the file, as it stands there")
    for name, keyword, title, unit in EXPOSURE
)

#: More than this share of pixels at the high end is told as a finding.
CLIPPED_FINDING = 0.01
#: AAPM TG-116, table 2: beyond it an exposure is far from what was aimed at.
DEVIATION_FINDING = 3.0


@dataclass(frozen=True)
class Note:
    """A finding about an instance, in words; `box` is where, as left, top, right, bottom."""

    name: str
    text: str
    box: tuple[int, int, int, int] | None = None


def measure_frame(frame: Frame, dataset: Dataset) -> tuple[dict[str, float], list[Note]]:
    """The measurements of a frame by name, and what is remarkable about it."""
    values = frame.values
    low, p1, median, p99, high = (float(it) for it in np.percentile(values, (0, 1, 50, 99, 100)))
    found = {
        "minimum": low,
        "maximum": high,
        "mean": float(values.mean()),
        "standard_deviation": float(values.std()),
        "median": median,
        "percentile_1": p1,
        "percentile_99": p99,
    }
    if low == high:
        return found, [Note("empty_image", f"every pixel has the value {low:g}: the image shows nothing")]
    found["entropy"] = entropy(values)
    noise = estimated_noise(values)
    if noise is not None:
        found["noise"] = noise
        if noise > 0:
            found["snr"] = (float(values[values > otsu(values)].mean()) - p1) / noise
    sharp = sharpness(values, p1, p99)
    if sharp is not None:
        found["sharpness"] = sharp
    notes: list[Note] = []
    clipped = clipping(frame.stored, dataset)
    if clipped is not None:
        found["clipped_low"], found["clipped_high"], box = clipped
        if found["clipped_high"] > CLIPPED_FINDING:
            share = f"{found['clipped_high']:.1%}"
            notes.append(Note("clipped_high", f"{share} of the pixels have the greatest possible value", box))
    if attribute(dataset, "Modality") == "CT" and values.ndim == 2:
        for name, start, end in HU_BINS:
            found[name] = float(((values >= start) & (values < end)).mean())
    return found, notes


def entropy(values: NDArray[np.float64]) -> float:
    """Shannon's entropy of the histogram, in bits."""
    counts, _ = np.histogram(values, bins=256)
    share = counts[counts > 0] / values.size
    return float(-(share * np.log2(share)).sum())


def estimated_noise(values: NDArray[np.float64]) -> float | None:
    """The noise's standard deviation by Immerkaer's method; None for what is smaller than its mask."""
    height, width = values.shape
    if height < 3 or width < 3:
        return None
    # The mask is the product of [1 -2 1] along both axes.
    across = values[:, :-2] - 2 * values[:, 1:-1] + values[:, 2:]
    mask = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(np.sqrt(np.pi / 2) / (6 * (width - 2) * (height - 2)) * np.abs(mask).sum())


def sharpness(values: NDArray[np.float64], p1: float, p99: float) -> float | None:
    """Variance of the Laplacian of the scaled frame; None for what is too small or has no range."""
    height, width = values.shape
    if height < 3 or width < 3 or p1 == p99:
        return None
    scaled = (values - p1) / (p99 - p1)
    middle = scaled[1:-1, 1:-1]
    laplacian = scaled[:-2, 1:-1] + scaled[2:, 1:-1] + scaled[1:-1, :-2] + scaled[1:-1, 2:] - 4 * middle
    return float(laplacian.var())


def otsu(values: NDArray[np.float64]) -> float:
    """The threshold which parts the values in two classes of greatest variance between them (N. Otsu, 1979)."""
    counts, edges = np.histogram(values, bins=256)
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = values.size - below
    sums = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1:][int(np.nanargmax(between[:-1]))])


def clipping(
    stored: NDArray[np.generic], dataset: Dataset
) -> tuple[float, float, tuple[int, int, int, int] | None] | None:
    """Shares of pixels at both ends of what BitsStored can hold, and the box around those at the high end."""
    bits = whole_number(dataset, "BitsStored")
    if bits is None or not 1 <= bits <= 32 or not np.issubdtype(stored.dtype, np.integer):
        return None
    signed = whole_number(dataset, "PixelRepresentation", 0) == 1
    least, greatest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    at_low, at_high = stored == least, stored == greatest
    if stored.ndim == 3:
        at_low, at_high = at_low.all(axis=2), at_high.all(axis=2)
    box = None
    if at_high.any():
        rows, columns = np.flatnonzero(at_high.any(axis=1)), np.flatnonzero(at_high.any(axis=0))
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return float(at_low.mean()), float(at_high.mean()), box


_SPACING = {"CT": "PixelSpacing", "MR": "PixelSpacing", "PT": "PixelSpacing", "NM": "PixelSpacing"}
_SPACING |= dict.fromkeys(("CR", "DX", "MG", "RF", "XA"), "ImagerPixelSpacing")
_WANTED: dict[str, tuple[str, ...]] = {
    "": ("PatientID", "StudyDate", "Modality", "InstanceNumber"),
    "CT": ("ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "RescaleSlope", "KVP"),
    "MR": ("ImagePositionPatient", "ImageOrientationPatient", "SliceThickness"),
    "CR": ("BodyPartExamined",),
    "DX": ("BodyPartExamined", "KVP"),
    "MG": ("ImageLaterality", "ViewPosition", "KVP"),
}
#: Keyword, unit, and the bounds of what is plausible.
_PLAUSIBLE: tuple[tuple[str, str, float, float], ...] = (
    ("KVP", "kV", 10, 200),
    ("SliceThickness", "mm", 0.01, 100),
    ("ExposureTime", "ms", 0, 600_000),
    ("MagneticFieldStrength", "T", 0.01, 15),
)
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_ENHANCED = "SharedFunctionalGroupsSequence"


def check_tags(dataset: Dataset, today: datetime.date) -> list[Note]:
    """What is missing, implausible or worth a look in an instance's tags. No note quotes a patient's data."""
    modality = str(attribute(dataset, "Modality") or "")
    notes: list[Note] = []
    wanted = [*_WANTED[""], *(() if _ENHANCED in dataset else _WANTED.get(modality, ()))]
    missing = [it for it in wanted if _is_empty(dataset, it)]
    spacing = None if _ENHANCED in dataset else _SPACING.get(modality)
    if spacing is not None and all(_is_empty(dataset, it) for it in (spacing, "PixelSpacing")):
        missing.append(spacing)
    if missing:
        notes.append(Note("missing_tags", f"missing or empty: {', '.join(missing)}"))
    for keyword in _SPACINGS:
        if not _is_empty(dataset, keyword):
            numbers = _numbers(dataset, keyword)
            if numbers is None or len(numbers) != 2 or not all(0 < it <= 50 for it in numbers):
                notes.append(Note("implausible_tags", f"{keyword} is not two distances above 0 mm and up to 50 mm"))
    for keyword, unit, least, most in _PLAUSIBLE:
        if not _is_empty(dataset, keyword):
            value = decimal(dataset, keyword)
            if value is None or not least <= value <= most:
                notes.append(Note("implausible_tags", f"{keyword} is not between {least:g} and {most:g} {unit}"))
    if not _is_empty(dataset, "RescaleSlope") and decimal(dataset, "RescaleSlope") in (None, 0.0):
        notes.append(Note("implausible_tags", "RescaleSlope is 0 or no number"))
    notes.extend(_dates(dataset, today))
    deviation = decimal(dataset, "DeviationIndex")
    if deviation is not None and abs(deviation) > DEVIATION_FINDING:
        text = f"DeviationIndex {deviation:g}: the exposure is far from its target (AAPM TG-116: beyond +-3)"
        notes.append(Note("exposure_deviates", text))
    burned = str(attribute(dataset, "BurnedInAnnotation") or "").strip().upper()
    if burned == "YES":
        notes.append(Note("burned_in_annotation", "BurnedInAnnotation is YES: the image itself may name the patient"))
    elif not burned and modality in ("US", "SC", "OT", "ES", "XC"):
        notes.append(Note("burned_in_annotation", f"BurnedInAnnotation is missing, and {modality} often has text"))
    return notes


def exposure(dataset: Dataset) -> dict[str, float]:
    """The attributes of exposure which are there."""
    found = {name: decimal(dataset, keyword) for name, keyword, _, _ in EXPOSURE}
    return {name: value for name, value in found.items() if value is not None}


def _dates(dataset: Dataset, today: datetime.date) -> list[Note]:
    notes = []
    study, birth = _date(dataset, "StudyDate"), _date(dataset, "PatientBirthDate")
    for keyword, value in (("StudyDate", study), ("PatientBirthDate", birth)):
        if value is False:
            notes.append(Note("implausible_tags", f"{keyword} is no date"))
    if isinstance(study, datetime.date):
        # A day's grace: the device may stand in another time zone.
        if study > today + datetime.timedelta(days=1):
            notes.append(Note("implausible_tags", "StudyDate lies in the future"))
        if isinstance(birth, datetime.date) and birth > study:
            notes.append(Note("implausible_tags", "PatientBirthDate lies after StudyDate"))
    return notes


def _date(dataset: Dataset, keyword: str) -> datetime.date | bool | None:
    text = _text(dataset, keyword)
    if not text:
        return None
    try:
        return datetime.datetime.strptime(text, "%Y%m%d").replace(tzinfo=datetime.UTC).date()
    except ValueError:
        return False


def _text(dataset: Dataset, keyword: str) -> str:
    return str(attribute(dataset, keyword, "?") or "").strip()


def _is_empty(dataset: Dataset, keyword: str) -> bool:
    value = attribute(dataset, keyword, "?")
    return value is None or (not isinstance(value, (int, float)) and len(str(value).strip()) == 0)


def _numbers(dataset: Dataset, keyword: str) -> list[float] | None:
    try:
        value = attribute(dataset, keyword, "?")
        return [float(it) for it in ([value] if isinstance(value, (str, int, float)) else value)]
    except (TypeError, ValueError, OverflowError):
        return None
