"""The provider `image_quality`: measures images and their tags, and says where something is remarkable."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeVar

from . import __version__
from .contract import Finding, Measure, Measurement, Provider, Reference, Region
from .outcome import Outcome, reference
from .quality import CLIPPED_FINDING, DEVIATION_FINDING, EXPOSURE_MEASURES, MEASURES, Note, check_tags, exposure
from .quality import measure_frame as measure
from .reading import check_pixels, frame, spread

if TYPE_CHECKING:
    from pydicom import Dataset

    from .config import Limits

K = TypeVar("K")
ID = "image_quality"
STATEMENT = "Measurement, not a diagnosis"
FRAMES = Measure(name="frames_examined", title="Frames examined", unit="1", formula="how many frames were measured")
ALL_MEASURES: tuple[Measure, ...] = (FRAMES, *MEASURES, *EXPOSURE_MEASURES)


def card() -> Provider:
    """What this provider is."""
    return Provider(
        id=ID,
        version=__version__,
        title="Image quality",
        kind="measurement",
        statement=STATEMENT,
        modalities=[],
        licence="Apache-2.0",
        measures=list(ALL_MEASURES),
    )


@dataclass
class _Remark:
    note: Note
    where: Reference
    count: int


class QualityExaminer:
    """Measures frames; a series' measurement is the median of its frames'."""

    def __init__(self, limits: Limits, today: datetime.date | None = None) -> None:
        self._limits = limits
        self._today = today or datetime.datetime.now(datetime.UTC).date()
        self._values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._instances: dict[str, list[str]] = defaultdict(list)
        self._of_frames: dict[tuple[str, str], _Remark] = {}
        self._of_tags: dict[tuple[str, str, str], _Remark] = {}

    def examine(self, dataset: Dataset, series: str, instance: str) -> None:
        """Measures the instance's tags, then its frames."""
        self._instances[series].append(instance)
        for note in check_tags(dataset, self._today):
            self._remark(self._of_tags, (series, note.name, note.text), note, reference(series, instance))
        for name, value in exposure(dataset).items():
            self._values[series][name].append(value)
        frames = check_pixels(dataset, self._limits)
        for index in spread(frames, self._limits.frames_per_instance):
            numbers, notes = measure(frame(dataset, index + 1), dataset)
            for name, value in numbers.items():
                self._values[series][name].append(value)
            self._values[series][FRAMES.name].append(1)
            for note in notes:
                where = reference(series, instance, index + 1 if frames > 1 else None)
                self._remark(self._of_frames, (series, note.name), note, where)

    def finish(self) -> Outcome:
        """One measurement of each kind for each series, and each remark once."""
        outcome = Outcome(
            parameters={
                "instances_per_series": self._limits.instances_per_series,
                "frames_per_instance": self._limits.frames_per_instance,
                "clipped_finding": CLIPPED_FINDING,
                "deviation_finding": DEVIATION_FINDING,
            }
        )
        for series, instances in self._instances.items():
            where = reference(series, instances[0] if len(instances) == 1 else None)
            for it in ALL_MEASURES:
                values = self._values[series].get(it.name)
                if values:
                    value = float(len(values)) if it is FRAMES else median(values)
                    shape = Measurement(name=it.name, title=it.title, value=value, unit=it.unit, reference=where)
                    outcome.measurements.append(shape)
        for (series, *_), remark in self._of_frames.items():
            examined = len(self._values[series][FRAMES.name])
            outcome.findings.append(_finding(remark, examined, "frames"))
        for (series, *_), remark in self._of_tags.items():
            outcome.findings.append(_finding(remark, len(self._instances[series]), "instances"))
        return outcome

    @staticmethod
    def _remark(remarks: dict[K, _Remark], key: K, note: Note, where: Reference) -> None:
        earlier = remarks.setdefault(key, _Remark(note, where, 0))
        earlier.count += 1


def _finding(remark: _Remark, examined: int, what: str) -> Finding:
    text, where, region = remark.note.text, remark.where, None
    if remark.note.box is not None:
        left, top, right, bottom = map(float, remark.note.box)
        region = Region(type="box", points=[[left, top], [right, bottom]])
    if examined > 1:
        text += f" ({remark.count} of {examined} {what} examined)"
        if region is None and remark.count > 1:
            where = reference(where.series_instance_uid)
    return Finding(name=remark.note.name, text=text, reference=where, region=region)
