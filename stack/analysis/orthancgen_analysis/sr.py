"""A result as a DICOM Comprehensive SR: TID 1500 "Measurement Report" (PS3.16), observed by a device.

Its identifiers are derived from study, provider, version and input, so that one result is one document however often it
is written. Every finding's text and the provider's statement are text in it. Nobody has verified it, and it says so.
"""

from __future__ import annotations

import datetime
import hashlib
import uuid
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.valuerep import PersonName

from . import __version__
from .errors import RefusedError

if TYPE_CHECKING:
    from .contract import Analysis, Finding, Provider, Reference, ReportRequest
    from .contract import Measurement as Measured

SCHEME = "99ORTHANCGEN"
MANUFACTURER = "orthancgen"
SERIES_NUMBER = 9_100
#: What is copied from the study (PS3.3 C.7.1.1, C.7.2.1): without these the document would not lie in it.
_COPIED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyDescription",
)


def stable_uid(*parts: str) -> str:
    """A UID which is the same for the same parts (PS3.5 annex B.2: a UUID as a decimal number)."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"


def write(request: ReportRequest, provider: Provider, metadata: dict[str, Any]) -> bytes:
    """The document as a DICOM file.

    Args:
        request: the result, and the instances that were given.
        provider: who made it.
        metadata: attributes of one of the instances, as DICOM JSON.

    Raises:
        RefusedError: where the result or the study's own tags cannot be written so.
    """
    try:
        return _write(request, provider, metadata)
    except RefusedError:
        raise
    except Exception as error:
        raise RefusedError(f"no structured report can be made of this result ({type(error).__name__})") from error


def _write(request: ReportRequest, provider: Provider, metadata: dict[str, Any]) -> bytes:
    analysis = request.analysis
    study = _study(metadata, analysis.study_instance_uid)
    classes = {it.sop_instance_uid: it.sop_class_uid for series in request.request.series for it in series.instances}
    evidence = _evidence(request, study)
    provenance = analysis.provenance
    key = (analysis.study_instance_uid, provenance.provider, provenance.version, provenance.input_digest)
    observer = ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=stable_uid("device", provenance.provider, provenance.version),
            name=f"{provenance.provider} {provenance.version}"[:64],
            manufacturer_name=MANUFACTURER,
            model_name=provider.title,
        ),
    )
    algorithm = AlgorithmIdentification(name=provenance.provider, version=provenance.version)
    groups = [
        *_measured(analysis, classes, algorithm, key),
        *(_found(it, index, classes, algorithm, key) for index, it in enumerate(analysis.findings)),
    ]
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=CodedConcept("analysis", SCHEME, "Analysis of stored images"),
        imaging_measurements=groups or None,
        title=codes.DCM.ImagingMeasurementReport,
    )
    for text in (analysis.statement, _left_out(analysis)):
        if text:
            report[0].ContentSequence.append(_text(codes.DCM.Comment, text))
    at = datetime.datetime.fromisoformat(provenance.started_at)
    document = ComprehensiveSR(
        evidence=evidence,
        content=report[0],
        series_instance_uid=stable_uid("series", *key),
        series_number=SERIES_NUMBER,
        sop_instance_uid=stable_uid("instance", *key),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description=f"{provider.title}: {provider.statement}"[:64],
        manufacturer_model_name=provider.title,
        software_versions=f"{provenance.version}"[:64],
        device_serial_number=__version__,
        content_date=at.date(),
        content_time=at.time(),
        series_date=at.date(),
        series_time=at.time(),
        specific_character_set="ISO_IR 192",
    )
    if "StudyDescription" in study:
        document.StudyDescription = study.StudyDescription
    document.InstanceCreationDate, document.InstanceCreationTime = document.ContentDate, document.ContentTime
    for equipment in document.get("ContributingEquipmentSequence", []):
        equipment.ContributionDateTime = at.strftime("%Y%m%d%H%M%S.%f")
    document.TimezoneOffsetFromUTC = "+0000"
    stream = BytesIO()
    document.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _study(metadata: dict[str, Any], uid: str) -> Dataset:
    dataset = Dataset.from_json(metadata)
    if str(dataset.get("StudyInstanceUID")) != uid:
        raise RefusedError("the archive's instance is of another study")
    study = Dataset()
    for keyword in _COPIED:
        value = dataset.get(keyword)
        empty = value is None or (not isinstance(value, PersonName) and value == "")
        setattr(study, keyword, "" if empty else value)
    if not str(study.get("StudyDescription") or ""):
        del study.StudyDescription
    return study


def _evidence(request: ReportRequest, study: Dataset) -> list[Dataset]:
    evidence: list[Dataset] = []
    for series in request.request.series:
        for it in series.instances:
            one = Dataset()
            if not evidence:
                one.update(study)
            one.PatientID = study.PatientID
            one.StudyInstanceUID = study.StudyInstanceUID
            one.SeriesInstanceUID = series.series_instance_uid
            one.SOPClassUID = it.sop_class_uid
            one.SOPInstanceUID = it.sop_instance_uid
            if not evidence:
                one.Modality = series.modality or "OT"
            evidence.append(one)
    return evidence


def _measured(
    analysis: Analysis, classes: dict[str, str], algorithm: AlgorithmIdentification, key: tuple[str, ...]
) -> list[MeasurementsAndQualitativeEvaluations]:
    """The measurements, in one group for each thing that they are about."""
    about: dict[tuple[str | None, str | None, int | None], list[Measured]] = {}
    for it in analysis.measurements:
        where = it.reference
        place = (
            (None, None, None) if where is None else (where.series_instance_uid, where.sop_instance_uid, where.frame)
        )
        about.setdefault(place, []).append(it)
    groups = []
    for index, ((series, _, _), measured) in enumerate(about.items()):
        groups.append(
            MeasurementsAndQualitativeEvaluations(
                tracking_identifier=TrackingIdentifier(
                    uid=stable_uid("measurements", *key, str(index)),
                    identifier=f"measurements {index + 1}" if series is None else f"series {series}",
                ),
                algorithm_id=algorithm,
                measurements=[
                    Measurement(
                        name=CodedConcept(it.name, SCHEME, it.title),
                        value=it.value,
                        unit=CodedConcept(it.unit, "UCUM", "no units" if it.unit == "1" else it.unit),
                    )
                    for it in measured
                ],
                source_images=_sources(measured[0].reference, classes),
            )
        )
    return groups


def _found(
    finding: Finding, index: int, classes: dict[str, str], algorithm: AlgorithmIdentification, key: tuple[str, ...]
) -> MeasurementsAndQualitativeEvaluations | PlanarROIMeasurementsAndQualitativeEvaluations:
    tracking = TrackingIdentifier(
        uid=stable_uid("finding", *key, str(index)), identifier=f"finding {index + 1}: {finding.name}"
    )
    shared: dict[str, Any] = {
        "tracking_identifier": tracking,
        "algorithm_id": algorithm,
        "finding_type": CodedConcept(finding.name, SCHEME, finding.name.replace("_", " ")),
    }
    if finding.confidence is not None:
        confidence = CodedConcept("confidence", SCHEME, "Confidence")
        unit = CodedConcept("1", "UCUM", "no units")
        shared["measurements"] = [Measurement(name=confidence, value=finding.confidence, unit=unit)]
    region = None if finding.reference is None else _region(finding, classes)
    group: Any
    if region is None:
        sources = _sources(finding.reference, classes)
        group = MeasurementsAndQualitativeEvaluations(**shared, source_images=sources)
    else:
        group = PlanarROIMeasurementsAndQualitativeEvaluations(**shared, referenced_region=region)
    group[0].ContentSequence.append(_text(codes.DCM.Comment, finding.text))
    return group


def _region(finding: Finding, classes: dict[str, str]) -> ImageRegion | None:
    where, region = finding.reference, finding.region
    if where is None or region is None or where.sop_instance_uid is None:
        return None
    points = [(x, y) for x, y in region.points]
    kind = "POINT"
    if region.type == "box":
        (left, top), (right, bottom) = points
        points = [(left, top), (right, top), (right, bottom), (left, bottom)]
    if region.type != "point":
        kind = "POLYLINE"
        if points[0] != points[-1]:
            points.append(points[0])
    image = SourceImageForRegion(
        referenced_sop_class_uid=classes[where.sop_instance_uid],
        referenced_sop_instance_uid=where.sop_instance_uid,
        referenced_frame_numbers=None if where.frame is None else [where.frame],
    )
    return ImageRegion(graphic_type=kind, graphic_data=np.array(points, dtype=float), source_image=image)


def _sources(where: Reference | None, classes: dict[str, str]) -> list[SourceImageForMeasurementGroup] | None:
    if where is None or where.sop_instance_uid is None:
        return None
    return [
        SourceImageForMeasurementGroup(
            referenced_sop_class_uid=classes[where.sop_instance_uid],
            referenced_sop_instance_uid=where.sop_instance_uid,
            referenced_frame_numbers=None if where.frame is None else [where.frame],
        )
    ]


def _left_out(analysis: Analysis) -> str:
    it = analysis.provenance
    text = f"{it.instances_examined} of {it.instances_given} instances were examined."
    if analysis.not_examined:
        text += f" Some could not be: {analysis.not_examined[0].why}."
    return text


def _text(name: Any, value: str) -> TextContentItem:
    # UT may hold line ends; other control characters have no place in it (PS3.5 6.1.3).
    clean = "".join(it if it in "\n\t" or (ord(it) >= 32 and ord(it) != 127) else " " for it in value)
    return TextContentItem(name=name, value=clean, relationship_type=RelationshipTypeValues.CONTAINS)
