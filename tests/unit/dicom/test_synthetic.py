"""Synthetic instances: valid DICOM, the same every time, and never to be taken for a real patient."""

from __future__ import annotations

import re
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from orthancgen.dicom import synthetic

MOMENT = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  DICOM's DA and TM carry no zone


def read(instance: synthetic.SyntheticInstance) -> pydicom.FileDataset:
    return pydicom.dcmread(BytesIO(instance.data))


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_a_uid_is_valid_and_depends_on_nothing_but_its_names(names: list[str]) -> None:
    value = synthetic.uid(*names)
    assert UID(value).is_valid
    assert re.fullmatch(r"2\.25\.[1-9][0-9]{38}", value)
    assert int(value.removeprefix("2.25.")) < 2**128
    assert value == synthetic.uid(*names)
    assert value != synthetic.uid(*names, "")


@pytest.mark.parametrize("make", [synthetic.ct_instance, synthetic.secondary_capture])
def test_an_instance_is_what_it_says_and_cannot_be_a_real_patient(make: object) -> None:
    instance = make("run-1", MOMENT, rows=12, columns=20)  # type: ignore[operator]
    dataset = read(instance)
    assert dataset.PatientName == "ORTHANCGEN^VERIFICATION"
    assert dataset.PatientID == "ORTHANCGEN-VERIFY-run-1" == instance.patient_id
    assert dataset.PatientIdentityRemoved == "YES"
    assert "not a patient" in dataset.PatientComments
    assert dataset.StudyDate == "20260102"
    assert dataset.StudyTime == "030405"
    assert dataset.SOPInstanceUID == dataset.file_meta.MediaStorageSOPInstanceUID == instance.sop_instance_uid
    assert dataset.SOPClassUID == dataset.file_meta.MediaStorageSOPClassUID == instance.sop_class_uid
    assert dataset.SOPClassUID in (CTImageStorage, SecondaryCaptureImageStorage)
    assert dataset.StudyInstanceUID == instance.study_instance_uid
    assert dataset.SeriesInstanceUID == instance.series_instance_uid
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert dataset.PixelData == synthetic.expected_pixels(12, 20)
    assert dataset.pixel_array.shape == (12, 20)
    assert dataset.pixel_array[1, 2] == 22
    assert make("run-1", MOMENT, rows=12, columns=20) == instance  # type: ignore[operator]
    assert make("run-2", MOMENT).sop_instance_uid != instance.sop_instance_uid  # type: ignore[operator]


def test_a_series_counts_moves_and_changes_its_pixels_from_slice_to_slice() -> None:
    datasets = [read(instance) for instance in synthetic.ct_series("r", MOMENT, 4100, rows=4, columns=5)]
    assert [dataset.InstanceNumber for dataset in datasets] == list(range(1, 4101))
    assert [dataset.ImagePositionPatient[2] for dataset in datasets] == list(range(4100))
    assert [dataset.SliceLocation for dataset in datasets] == list(range(4100))
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == 4100
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 1
    for index in (0, 1, 4095, 4096, 4099):
        assert datasets[index].PixelData == synthetic.expected_pixels(4, 5, index)
        assert datasets[index].pixel_array[0, 0] == index % 4096


def test_a_slice_is_byte_for_byte_what_pydicom_writes() -> None:
    for instance in synthetic.ct_series("r", MOMENT, 3, rows=6, columns=7):
        written = BytesIO()
        pydicom.dcmwrite(written, read(instance), enforce_file_format=True)
        assert written.getvalue() == instance.data


def test_two_series_of_a_run_share_the_study_alone() -> None:
    one, two = (next(synthetic.ct_series("r", MOMENT, 1, rows=2, columns=2, series=n)) for n in (1, 2))
    assert one.study_instance_uid == two.study_instance_uid
    assert one.series_instance_uid != two.series_instance_uid
    assert one.sop_instance_uid != two.sop_instance_uid


def test_a_series_is_written_as_files(tmp_path: Path) -> None:
    paths = synthetic.write_series(tmp_path / "new", "r", MOMENT, 3, rows=2, columns=2)
    assert [path.name for path in paths] == ["000000.dcm", "000001.dcm", "000002.dcm"]
    assert [pydicom.dcmread(path).InstanceNumber for path in paths] == [1, 2, 3]


@pytest.mark.parametrize("run", ["", "a\\b", "x" * 41, "a b", "é", "a\n"])
def test_a_run_that_dicom_could_not_carry_is_refused(run: str) -> None:
    with pytest.raises(ValueError, match="run is"):
        synthetic.ct_instance(run, MOMENT)


@pytest.mark.parametrize("count", [0, -1, 1_000_000])
def test_a_count_that_does_not_fit_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="count is"):
        next(synthetic.ct_series("r", MOMENT, count))
