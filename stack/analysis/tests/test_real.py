"""The images that pydicom and pydicom-data carry: each is measured, or the reason is told."""

from __future__ import annotations

import asyncio
import site
from pathlib import Path

import pydicom.data
from pydicom import dcmread

from orthancgen_analysis import sandbox
from orthancgen_analysis.config import Limits


def files() -> list[Path]:
    """What is installed; pydicom's own look-up would download the rest."""
    found = list((Path(pydicom.data.__file__).parent / "test_files").rglob("*.dcm"))
    for folder in site.getsitepackages():
        for store in Path(folder).glob("*data_store*"):
            found += store.rglob("*.dcm")
    return sorted(found)


def test_real_images_are_measured_or_the_reason_is_told() -> None:
    every = files()
    assert len(every) > 60
    job = sandbox.Job(tuple((it, f"1.{n}", f"1.{n}.1") for n, it in enumerate(every)), Limits(seconds=100.0))
    answer = asyncio.run(sandbox.run(job))
    measured = {it["reference"]["series_instance_uid"] for it in answer.measurements if it["name"] == "mean"}
    assert len(measured) + len(answer.failed) == len(every)
    syntaxes = {
        str(dcmread(it, stop_before_pixels=True).file_meta.TransferSyntaxUID)
        for n, it in enumerate(every)
        if f"1.{n}" in measured
    }
    assert len(syntaxes) >= 10
    # None of those that hold no image by their class, and few of the others.
    no_image = [it for it in answer.failed.values() if it == "the instance holds no image"]
    assert len(answer.failed) - len(no_image) < 20
    assert all(0 < len(it) < 200 for it in answer.failed.values())


def test_the_chest_whose_pixels_have_no_size_is_told() -> None:
    chest = [it for it in files() if it.name == "RG1_UNCI.dcm"]
    job = sandbox.Job(tuple((it, "1.2", "1.2.3") for it in chest), Limits())
    answer = asyncio.run(sandbox.run(job))
    assert any("PixelSpacing is not two distances" in it["text"] for it in answer.findings)
