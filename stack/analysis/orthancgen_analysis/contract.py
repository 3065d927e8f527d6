"""The shapes of the contract between whoever asks for an analysis and a provider of it: openapi.yaml, as types.

Every list and every text has a bound. Names of attributes of DICOM are their keywords in snake case (PS3.6).
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAXIMUM_INSTANCES = 5_000
MAXIMUM_SERIES = 500
MAXIMUM_FINDINGS = 500
MAXIMUM_MEASUREMENTS = 2_000
MAXIMUM_NOT_EXAMINED = 500
MAXIMUM_POINTS = 500


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Uid = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Number = Annotated[float, AfterValidator(_finite)]


class Shape(BaseModel):
    """A strict shape: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class InstanceReference(Shape):
    """An instance to be examined."""

    sop_instance_uid: Uid
    sop_class_uid: Uid


class SeriesReference(Shape):
    """A series to be examined, with its instances in their order."""

    series_instance_uid: Uid
    modality: Annotated[str, StringConstraints(max_length=16)] | None = None
    instances: Annotated[list[InstanceReference], Field(min_length=1, max_length=MAXIMUM_INSTANCES)]


class AnalysisRequest(Shape):
    """A study to be examined."""

    study_instance_uid: Uid
    series: Annotated[list[SeriesReference], Field(min_length=1, max_length=MAXIMUM_SERIES)]

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if sum(len(it.instances) for it in self.series) > MAXIMUM_INSTANCES:
            raise ValueError(f"names more than {MAXIMUM_INSTANCES} instances")
        return self


class Reference(Shape):
    """What a statement is about: a series, or one of its instances, or a frame of it (numbered from 1)."""

    series_instance_uid: Uid
    sop_instance_uid: Uid | None = None
    frame: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class Region(Shape):
    """A place in an image: x (column) and y (row) as in PS3.3 C.10.5: (0, 0) is the corner of the first pixel.

    A box is given by two opposite corners, a polygon by its corners; it is closed by itself.
    """

    type: Literal["point", "box", "polygon"]
    points: Annotated[
        list[Annotated[list[Number], Field(min_length=2, max_length=2)]], Field(min_length=1, max_length=MAXIMUM_POINTS)
    ]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        least, most = {"point": (1, 1), "box": (2, 2), "polygon": (3, MAXIMUM_POINTS)}[self.type]
        if not least <= len(self.points) <= most:
            raise ValueError(f"a {self.type} cannot have {len(self.points)} points")
        return self


class Finding(Shape):
    """Something that was found, in words."""

    name: Identifier
    text: Text
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    reference: Reference | None = None
    region: Region | None = None


class Measurement(Shape):
    """Something that was measured; `unit` is of UCUM."""

    name: Identifier
    title: Name
    value: Number
    unit: Annotated[str, StringConstraints(min_length=1, max_length=16)]
    reference: Reference | None = None


class NotExamined(Shape):
    """What could not be examined, and why."""

    reference: Reference
    why: Text


class Measure(Shape):
    """A measurement that a provider may give, and how it is made."""

    name: Identifier
    title: Name
    unit: Annotated[str, StringConstraints(min_length=1, max_length=16)]
    formula: Text


class ModelCard(Shape):
    """What must be known of a model before its words are weighed."""

    intended_use: Text
    limitations: Text
    training_data: Text | None = None
    labels: list[Name]
    threshold: float | None = None
    digest: Digest | None = None


class Provider(Shape):
    """Who analyses."""

    id: Identifier
    version: Name
    title: Name
    kind: Literal["measurement", "model"]
    statement: Text
    modalities: list[Annotated[str, StringConstraints(max_length=16)]]
    licence: Name
    card: ModelCard | None = None
    measures: list[Measure] = []


class Provenance(Shape):
    """Where a result comes from."""

    provider: Identifier
    version: Name
    model_digest: Digest | None
    input_digest: Digest
    started_at: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
    duration_seconds: Annotated[Number, Field(ge=0)]
    instances_given: Annotated[int, Field(ge=0)]
    instances_examined: Annotated[int, Field(ge=0)]
    parameters: dict[Identifier, str | float | int | bool | None]


class Analysis(Shape):
    """A result."""

    study_instance_uid: Uid
    statement: Text
    findings: Annotated[list[Finding], Field(max_length=MAXIMUM_FINDINGS)]
    measurements: Annotated[list[Measurement], Field(max_length=MAXIMUM_MEASUREMENTS)]
    not_examined: Annotated[list[NotExamined], Field(max_length=MAXIMUM_NOT_EXAMINED)]
    provenance: Provenance


class ReportRequest(Shape):
    """A result to be written as a structured report (DICOM SR), and what it was made of."""

    request: AnalysisRequest
    analysis: Analysis

    @model_validator(mode="after")
    def _one_study(self) -> Self:
        if self.request.study_instance_uid != self.analysis.study_instance_uid:
            raise ValueError("the result is of another study")
        known: dict[str, set[str]] = {}
        for series in self.request.series:
            known.setdefault(series.series_instance_uid, set()).update(it.sop_instance_uid for it in series.instances)
        statements: list[Finding | Measurement | NotExamined] = [*self.analysis.findings, *self.analysis.measurements]
        for it in statements:
            reference = it.reference
            if reference is None:
                continue
            if reference.series_instance_uid not in known:
                raise ValueError("the result speaks of a series that was not given")
            instance = reference.sop_instance_uid
            if instance is not None and instance not in known[reference.series_instance_uid]:
                raise ValueError("the result speaks of an instance that was not given")
        return self
