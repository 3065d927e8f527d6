"""What was measured of a site, and the same in Prometheus' text format, for the node exporter's textfile collector.

https://github.com/prometheus/node_exporter#textfile-collector; names by https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from orthancgen.verify.result import CheckResult, Outcome

_PREFIX: Final = "orthancgen_"


@dataclass(frozen=True, slots=True)
class Room:
    """A folder that a service writes into: bytes that are free, and of the file system."""

    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """A run of the proofs and what was seen beside it; nothing of a patient, nothing secret.

    Attributes:
        environment: its name.
        at: when the run began, in seconds of Unix time.
        seconds: how long it took.
        results: of the proofs; None where they could not be run.
        certificates: name -> end of its validity, in seconds of Unix time.
        refused: reason -> DICOM calls of others that Orthanc refused, since the first measurement.
        room: what is kept -> the room on its disk.
        healthy: service -> whether it is.
        backlog: changes that the backend has not recorded; None where it does not say.
        caller: the modality in whose place another machine ran the proofs; empty on the site's own host.
    """

    environment: str
    at: float
    seconds: float
    results: tuple[CheckResult, ...] | None
    certificates: Mapping[str, float] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    room: Mapping[str, Room] = field(default_factory=dict)
    healthy: Mapping[str, bool] = field(default_factory=dict)
    backlog: float | None = None
    caller: str = ""

    @property
    def success(self) -> bool:
        """Whether the proofs were run, and none failed."""
        return self.results is not None and all(result.passed for result in self.results)


def as_text(measurement: Measurement) -> bytes:
    """The measurement in the text format, version 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_Collected(measurement))
    return generate_latest(registry)


class _Collected:
    """A measurement as prometheus_client asks for one."""

    def __init__(self, measurement: Measurement) -> None:
        self._measurement = measurement

    def collect(self) -> Iterator[Metric]:
        """The metrics, each with the label of its environment."""
        it = self._measurement
        results = it.results or ()
        yield self._one("verify_run_timestamp_seconds", "When the proofs were last run", it.at)
        yield self._one("verify_duration_seconds", "How long the last run of the proofs took", it.seconds)
        yield self._one("verify_success", "Whether the proofs were run and none failed", float(it.success))
        yield self._many(
            "verify_checks", "Proofs by their outcome", ("outcome",),
            {(str(one),): float(sum(result.outcome is one for result in results)) for one in Outcome},
        )  # fmt: skip
        yield self._many(
            "verify_check_success", "Whether a proof holds; one that does not apply is left out", ("check", "group"),
            {(one.id, one.group): float(one.passed) for one in results if one.outcome is not Outcome.SKIPPED},
        )  # fmt: skip
        yield self._many(
            "verify_check_duration_seconds", "How long a proof took", ("check", "group"),
            {(one.id, one.group): one.seconds for one in results if one.outcome is not Outcome.SKIPPED},
        )  # fmt: skip
        yield self._many(
            "certificate_not_after_timestamp_seconds", "Unix time at which a certificate ends", ("certificate",),
            {(name,): end for name, end in it.certificates.items()},
        )  # fmt: skip
        refused = CounterMetricFamily(
            f"{_PREFIX}refused_calls", "DICOM calls of others that Orthanc refused", labels=("environment", "reason")
        )
        for reason, count in sorted(it.refused.items()):
            refused.add_metric((it.environment, reason), count)
        yield refused
        yield self._many(
            "storage_free_bytes", "Room on the disk of what is kept", ("what",),
            {(what,): float(room.free_bytes) for what, room in it.room.items()},
        )  # fmt: skip
        yield self._many(
            "storage_size_bytes", "Size of the disk of what is kept", ("what",),
            {(what,): float(room.total_bytes) for what, room in it.room.items()},
        )  # fmt: skip
        yield self._many(
            "service_healthy", "Whether a service is healthy", ("name",),
            {(name,): float(healthy) for name, healthy in it.healthy.items()},
        )  # fmt: skip
        if it.backlog is not None:
            yield self._one("backlog_changes", "Changes in Orthanc that the backend has not recorded", it.backlog)

    def _one(self, name: str, text: str, value: float) -> Metric:
        return self._many(name, text, (), {(): value})

    def _many(
        self, name: str, text: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
    ) -> GaugeMetricFamily:
        it = self._measurement
        always = {"environment": it.environment, **({"caller": it.caller} if it.caller else {})}
        metric = GaugeMetricFamily(f"{_PREFIX}{name}", text, labels=(*always, *labels))
        for key, value in sorted(values.items()):
            metric.add_metric((*always.values(), *key), value)
        return metric
