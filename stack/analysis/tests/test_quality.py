"""The measurements, against images whose properties are known."""

from __future__ import annotations

import datetime
import math
from pathlib import Path

import numpy as np
import pytest
from files import image, noisy

from orthancgen_analysis import quality
from orthancgen_analysis.config import Limits
from orthancgen_analysis.image_quality import ALL_MEASURES, QualityExaminer
from orthancgen_analysis.reading import Frame, frame, spread

TODAY = datetime.date(2026, 6, 1)


@pytest.mark.parametrize("sigma", [5, 20, 60])
def test_noise_is_what_was_added(sigma: float) -> None:
    flat = np.random.default_rng(3).normal(1000, sigma, (256, 256))
    assert quality.estimated_noise(flat) == pytest.approx(sigma, rel=0.03)


def test_snr_falls_with_noise_and_is_near_its_definition() -> None:
    def snr(sigma: float) -> float:
        ds = image(noisy(sigma=sigma))
        return quality.measure_frame(frame(ds, 1), ds)[0]["snr"]

    assert snr(10) > snr(20) > snr(40)
    assert snr(10) == pytest.approx((1000 - (100 - 2.33 * 10)) / 10, rel=0.1)


def test_sharpness_falls_when_an_image_is_blurred() -> None:
    # No noise: only the edges count.
    sharp = np.zeros((64, 64))
    sharp[16:48, 16:48] = 1000
    blurred = sharp.copy()
    for axis in (0, 1):
        blurred = (np.roll(blurred, 1, axis) + blurred + np.roll(blurred, -1, axis)) / 3
    values = [quality.sharpness(it, 0, 1000) or math.nan for it in (sharp, blurred)]
    assert values[0] > 2 * values[1] > 0


def test_entropy_of_two_equal_halves_is_one_bit() -> None:
    assert quality.entropy(np.array([[0.0, 1.0]] * 8)) == pytest.approx(1)


def test_otsu_parts_two_classes() -> None:
    values = np.concatenate([np.full(100, 10.0), np.full(50, 200.0)]).reshape(10, 15)
    assert 10 < quality.otsu(values) < 200


def test_hounsfield_histogram_counts_every_pixel_once() -> None:
    ds = image(np.array([[24, 1024], [1064, 2024]], dtype=np.uint16))  # HU -1000, 0, 40, 1000
    found, _ = quality.measure_frame(frame(ds, 1), ds)
    assert found["hu_m1024_m900"] == 0.25
    assert found["hu_m30_20"] == 0.25
    assert found["hu_20_100"] == 0.25
    assert found["hu_1000_3071"] == 0.25
    assert sum(found[name] for name, _, _ in quality.HU_BINS) == pytest.approx(1)
    assert found["minimum"] == -1000


def test_clipping_counts_both_ends_and_says_where() -> None:
    pixels = np.full((10, 10), 500, dtype=np.uint16)
    pixels[2:4, 5:8] = 4095
    pixels[0, 0] = 0
    ds = image(pixels)
    found, notes = quality.measure_frame(frame(ds, 1), ds)
    assert (found["clipped_low"], found["clipped_high"]) == (0.01, 0.06)
    assert [(it.name, it.box) for it in notes] == [("clipped_high", (5, 2, 8, 4))]


def test_signed_pixels_are_clipped_at_their_own_ends() -> None:
    pixels = np.array([[-2048, 2047], [0, 1]], dtype=np.int16)
    assert quality.clipping(pixels, image(pixels)) == (0.25, 0.25, (1, 0, 2, 1))


def test_an_empty_image_is_told() -> None:
    ds = image(np.full((8, 8), 7, dtype=np.uint16))
    found, notes = quality.measure_frame(frame(ds, 1), ds)
    assert [it.name for it in notes] == ["empty_image"]
    assert found["standard_deviation"] == 0
    assert "snr" not in found


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2), (3, 3)])
def test_tiny_images_give_finite_numbers(shape: tuple[int, int]) -> None:
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape)
    ds = image(pixels)
    found, _ = quality.measure_frame(Frame(1, pixels.astype(float), pixels), ds)
    assert all(math.isfinite(it) for it in found.values())


def notes_of(**tags: object) -> list[str]:
    return [f"{it.name}: {it.text}" for it in quality.check_tags(image(noisy(), **tags), TODAY)]


def test_a_good_image_has_no_remarks() -> None:
    assert notes_of() == []


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ({"PixelSpacing": [0, 0]}, "PixelSpacing is not two distances"),
        ({"PixelSpacing": None}, "missing or empty: PixelSpacing"),
        ({"PatientID": ""}, "missing or empty: PatientID"),
        ({"SliceThickness": 0}, "SliceThickness is not between"),
        ({"KVP": 5000}, "KVP is not between"),
        ({"RescaleSlope": 0}, "RescaleSlope is 0"),
        ({"StudyDate": "20991231"}, "StudyDate lies in the future"),
        ({"PatientBirthDate": "20260301"}, "PatientBirthDate lies after StudyDate"),
        ({"BurnedInAnnotation": "YES"}, "BurnedInAnnotation is YES"),
        ({"Modality": "US"}, "BurnedInAnnotation is missing, and US"),
        ({"DeviationIndex": 4.2}, "DeviationIndex 4.2"),
    ],
)
def test_tags_are_checked(tags: dict[str, object], wanted: str) -> None:
    assert any(wanted in it for it in notes_of(**tags))


def test_no_remark_quotes_the_patient() -> None:
    text = " ".join(notes_of(PatientBirthDate="20260301", PatientName="Secret^Name", PatientID="ID-SECRET", KVP=0))
    assert "implausible_tags" in text
    assert not any(it in text for it in ("Secret", "SECRET", "20260301"))


def test_a_series_is_told_once_with_medians_and_counts() -> None:
    examiner = QualityExaminer(Limits(), TODAY)
    for seed in range(5):
        examiner.examine(image(noisy(seed=seed), PixelSpacing=[0, 0]), "1.2.3", f"1.2.3.{seed}")
    outcome = examiner.finish()
    by_name = {it.name: it for it in outcome.measurements}
    assert by_name["frames_examined"].value == 5
    assert by_name["kvp"].value == 120
    assert by_name["noise"].value == pytest.approx(20, rel=0.25)
    spacing = [it for it in outcome.findings if "PixelSpacing" in it.text]
    assert len(spacing) == 1
    assert "(5 of 5 instances examined)" in spacing[0].text
    assert spacing[0].reference is not None
    assert spacing[0].reference.sop_instance_uid is None


def test_every_measurement_is_documented() -> None:
    names = [it.name for it in ALL_MEASURES]
    assert len(names) == len(set(names))
    ds = image(noisy())
    found, _ = quality.measure_frame(frame(ds, 1), ds)
    assert set(found) | set(quality.exposure(ds)) <= set(names)


@pytest.mark.parametrize(("count", "most"), [(1, 1), (3, 10), (10, 3), (1000, 40), (41, 40), (5, 1)])
def test_a_spread_is_even_and_bounded(count: int, most: int) -> None:
    chosen = spread(count, most)
    assert len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen))
    assert 0 <= chosen[0] <= chosen[-1] < count
    if most > 1:
        assert (chosen[0], chosen[-1]) == (0, count - 1)


def test_every_measurement_stands_in_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs" / "analysis.md").read_text()
    for it in ALL_MEASURES:
        assert f"| `{it.name}` | `{it.unit}` | {it.formula.replace('|', '&#124;')} |" in text
