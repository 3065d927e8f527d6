"""What an examination gives, before it is a result: gathered image by image, within the contract's bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .contract import MAXIMUM_FINDINGS, MAXIMUM_MEASUREMENTS, Finding, Measurement, Reference

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass
class Outcome:
    """Findings, measurements and what they were made with."""

    findings: list[Finding] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    parameters: dict[str, str | float | int | bool | None] = field(default_factory=dict)

    def bounded(self) -> Outcome:
        """The same within the bounds of the contract; what was left out is told among the parameters."""
        parameters = dict(self.parameters)
        if len(self.findings) > MAXIMUM_FINDINGS:
            parameters["findings_left_out"] = len(self.findings) - MAXIMUM_FINDINGS
        if len(self.measurements) > MAXIMUM_MEASUREMENTS:
            parameters["measurements_left_out"] = len(self.measurements) - MAXIMUM_MEASUREMENTS
        return Outcome(self.findings[:MAXIMUM_FINDINGS], self.measurements[:MAXIMUM_MEASUREMENTS], parameters)


class Examiner(Protocol):
    """Examines images one after the other."""

    def examine(self, dataset: Dataset, series: str, instance: str) -> None:
        """Looks at one instance.

        Raises:
            UnreadableError: where it cannot be examined.
        """

    def finish(self) -> Outcome:
        """What all of it gives."""


def reference(series: str, instance: str | None = None, frame: int | None = None) -> Reference:
    """A reference; a frame is named where there are several."""
    return Reference(series_instance_uid=series, sop_instance_uid=instance, frame=frame)
