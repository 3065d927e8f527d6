"""Results as structured reports, read back by pydicom and highdicom."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import highdicom
import pytest
from files import image, noisy
from pydicom import Dataset, dcmread
from pydicom.uid import ComprehensiveSRStorage, CTImageStorage

from orthancgen_analysis.contract import ReportRequest
from orthancgen_analysis.errors import RefusedError
from orthancgen_analysis.image_quality import card
from orthancgen_analysis.sr import stable_uid, write


def source() -> Dataset:
    return image(noisy(size=8), PatientName="山田^太郎=Yamada^Taro", StudyDescription="Kopf")


def request(dataset: Dataset, **changes: Any) -> ReportRequest:
    series, instance = str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)
    where = {"series_instance_uid": series, "sop_instance_uid": instance}
    analysis = {
        "study_instance_uid": str(dataset.StudyInstanceUID),
        "statement": "Measurement, not a diagnosis",
        "findings": [
            {
                "name": "clipped_high",
                "text": "<script>alert(1)</script> \u0007 ünïcode 山",
                "confidence": 0.25,
                "reference": where,
                "region": {"type": "box", "points": [[1.0, 2.0], [5.0, 6.0]]},
            },
            {"name": "missing_tags", "text": "of the series", "reference": {"series_instance_uid": series}},
            {"name": "nowhere", "text": "of nothing"},
        ],
        "measurements": [
            {"name": "mean", "title": "Mean", "value": 12.5, "unit": "1", "reference": where},
            {"name": "kvp", "title": "Peak voltage", "value": 120, "unit": "kV", "reference": where},
            {"name": "whole", "title": "Of all", "value": 1e300, "unit": "1"},
        ],
        "not_examined": [],
        "provenance": {
            "provider": "image_quality",
            "version": "0.1.0",
            "model_digest": None,
            "input_digest": f"sha256:{'0' * 64}",
            "started_at": "2026-01-02T10:11:12.000000Z",
            "duration_seconds": 1.5,
            "instances_given": 1,
            "instances_examined": 1,
            "parameters": {},
        },
    }
    analysis.update(changes)
    instances = [{"sop_instance_uid": instance, "sop_class_uid": str(CTImageStorage)}]
    one = {"series_instance_uid": series, "modality": "CT", "instances": instances}
    wish = {"study_instance_uid": str(dataset.StudyInstanceUID), "series": [one]}
    return ReportRequest.model_validate({"request": wish, "analysis": analysis})


def document(dataset: Dataset, wish: ReportRequest) -> Dataset:
    return dcmread(BytesIO(write(wish, card(), dataset.to_json_dict())))


def walk(item: Dataset) -> list[Dataset]:
    found = [item]
    for it in item.get("ContentSequence", []):
        found += walk(it)
    return found


def test_it_lies_in_the_study_and_says_who_observed() -> None:
    dataset = source()
    it = document(dataset, request(dataset))
    assert it.SOPClassUID == ComprehensiveSRStorage
    assert it.Modality == "SR"
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "StudyDate", "AccessionNumber", "StudyID"):
        assert it[keyword].value == dataset[keyword].value, keyword
    assert it.StudyDescription == "Kopf"
    assert it.SeriesInstanceUID != dataset.SeriesInstanceUID
    assert it.SpecificCharacterSet == "ISO_IR 192"
    assert (it.CompletionFlag, it.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    items = walk(it)
    names = {one.ConceptNameCodeSequence[0].CodeMeaning: one for one in items if "ConceptNameCodeSequence" in one}
    assert names["Device Observer Name"].TextValue == "image_quality 0.1.0"
    assert names["Algorithm Version"].TextValue == "0.1.0"
    texts = [one.TextValue for one in items if one.ValueType == "TEXT"]
    assert "Measurement, not a diagnosis" in texts
    assert "<script>alert(1)</script>   ünïcode 山" in texts


def test_measurements_and_regions_are_in_it() -> None:
    dataset = source()
    items = walk(document(dataset, request(dataset)))
    numbers = {
        one.ConceptNameCodeSequence[0].CodeMeaning: one.MeasuredValueSequence[0]
        for one in items
        if one.ValueType == "NUM"
    }
    assert float(numbers["Mean"].NumericValue) == 12.5
    assert numbers["Peak voltage"].MeasurementUnitsCodeSequence[0].CodeValue == "kV"
    assert float(numbers["Confidence"].NumericValue) == 0.25
    (scoord,) = [one for one in items if one.ValueType == "SCOORD"]
    assert scoord.GraphicType == "POLYLINE"
    assert list(scoord.GraphicData) == [1, 2, 5, 2, 5, 6, 1, 6, 1, 2]
    references = {
        one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for one in items if "ReferencedSOPSequence" in one
    }
    assert references == {dataset.SOPInstanceUID}


def test_highdicom_reads_it_as_a_measurement_report() -> None:
    dataset = source()
    content = write(request(dataset), card(), dataset.to_json_dict())
    report = highdicom.sr.srread(BytesIO(content))
    assert isinstance(report.content, highdicom.sr.MeasurementReport)
    assert len(report.content.get_image_measurement_groups()) >= 4


def test_the_same_result_is_the_same_document_and_another_input_another() -> None:
    dataset = source()
    first = request(dataset)
    later = request(dataset)
    assert write(first, card(), dataset.to_json_dict()) == write(later, card(), dataset.to_json_dict())
    provenance = first.analysis.provenance.model_dump()
    again = request(dataset, provenance={**provenance, "started_at": "2026-02-02T10:11:12.000000Z"})
    other = request(dataset, provenance={**provenance, "input_digest": f"sha256:{'1' * 64}"})
    newer = request(dataset, provenance={**provenance, "version": "0.2.0"})
    uids = [document(dataset, it).SOPInstanceUID for it in (first, again, other, newer)]
    assert uids[0] == uids[1]
    assert len(set(uids)) == 3


def test_it_is_not_written_into_another_study() -> None:
    dataset = source()
    foreign = source()
    with pytest.raises(RefusedError, match="another study"):
        write(request(dataset), card(), foreign.to_json_dict())


def test_a_result_may_only_speak_of_what_was_given() -> None:
    dataset = source()
    for where in (
        {"series_instance_uid": "1.2.3"},
        {"series_instance_uid": str(dataset.SeriesInstanceUID), "sop_instance_uid": "1.2.3"},
    ):
        with pytest.raises(ValueError, match="not given"):
            request(dataset, findings=[{"name": "x", "text": "y", "reference": where}])


@pytest.mark.parametrize("missing", ["PatientName", "StudyTime", "StudyID", "AccessionNumber", "PatientBirthDate"])
def test_a_study_without_some_tag_gets_a_document_too(missing: str) -> None:
    dataset = source()
    del dataset[missing]
    assert document(dataset, request(dataset)).StudyInstanceUID == dataset.StudyInstanceUID


def test_uids_are_stable_and_legal() -> None:
    assert stable_uid("a", "b") == stable_uid("a", "b") != stable_uid("ab")
    assert all(len(stable_uid(str(it))) <= 64 for it in range(200))
