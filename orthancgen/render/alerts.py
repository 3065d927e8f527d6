"""The alerts, one row each, with series that raise them and series that do not: rules and their tests come from it.

A summary names what it is about, by the labels of the alert; a description says what it means, and what to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from orthancgen.plan.model import Plan
from orthancgen.site.backup import plain_schedule

Severity = Literal["critical", "warning"]
_DAY: Final = 86_400
_PERIODS: Final[Mapping[str, int]] = {"hourly": 3_600, "daily": _DAY, "weekly": 7 * _DAY}
_GRACE: Final = 900
"""Seconds by which proofs may be late: the timer's own delay, and their run."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: in CamelCase, as is customary with Prometheus.
        expression: in PromQL.
        minutes: how long it must hold.
        severity: `critical` wakes somebody, `warning` waits for the morning.
        summary: what is wrong, in a few words; labels in the notation of Prometheus' templates.
        description: what it means, and what to run.
        raised_by: series -> values that raise it, in promtool's notation, one a minute.
        not_by: the same for values that do not.
        labels: of the alert that is raised, besides its severity and environment.
        until: minute of the series at which it is looked at.
    """

    name: str
    expression: str
    minutes: int
    severity: Severity
    summary: str
    description: str
    raised_by: Mapping[str, str]
    not_by: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    until: int = 30


def alerts(plan: Plan) -> tuple[Alert, ...]:
    """The alerts of a site."""
    site, limits = plan.site, plan.site.observability.alerts
    env = site.environment
    here = f'environment="{env}"'
    doctor = f"orthancgen doctor {env} names the cause."
    backlog, refused = limits.backlog_minutes * 60, limits.refused_per_hour
    disk = f'orthancgen_storage_free_bytes{{{here},what="images"}}'
    size = f'orthancgen_storage_size_bytes{{{here},what="images"}}'
    certificate = f'orthancgen_certificate_not_after_timestamp_seconds{{{here},certificate="site.https"}}'
    run, success = f"orthancgen_verify_run_timestamp_seconds{{{here}}}", f"orthancgen_verify_success{{{here}}}"
    late = _late(plan)
    oldest = f'orthancgen_backend_oldest_undelivered_seconds{{{here},service="backend"}}'
    failures = f'orthancgen_backend_delivery_failures_total{{{here},service="backend",source="orthanc",kind="network"}}'
    rejected = f'orthancgen_refused_calls_total{{{here},reason="calling-aet-unknown"}}'
    found = [
        _silent(env, "orthanc", "Orthanc", "critical", f"No image is taken in and none is shown. {doctor}"),
        _silent(
            env, "host", "OrthancHostMetrics", "warning",
            "The node exporter of the host does not answer: room on disks, certificates and proofs are not seen.",
        ),
        Alert(
            "OrthancStorageNearlyFull",
            f"orthancgen_storage_free_bytes{{{here}}} / orthancgen_storage_size_bytes{{{here}}} < "
            f"{limits.storage_percent / 100:g}",
            10, "critical", "The disk of {{ $labels.what }} is nearly full",
            f"When it is full, images are refused. {doctor}",
            {disk: "40x30", size: f"{40 * 100 // limits.storage_percent + 40}x30"}, {disk: "90x30", size: "100x30"},
            {"what": "images"},
        ),
        Alert(
            "OrthancCertificateEnds",
            f"orthancgen_certificate_not_after_timestamp_seconds{{{here}}} - time() < {limits.certificate_days * _DAY}",
            10, "warning", "The certificate {{ $labels.certificate }} ends soon",
            f"orthancgen certs check {env} shows it, orthancgen certs renew {env} makes a new one.",
            {certificate: f"{limits.certificate_days * _DAY // 2}x30"},
            {certificate: f"{limits.certificate_days * _DAY * 2}x30"}, {"certificate": "site.https"},
        ),
        Alert(
            "OrthancCertificateEnded", f"orthancgen_certificate_not_after_timestamp_seconds{{{here}}} - time() < 0",
            1, "critical", "The certificate {{ $labels.certificate }} has ended",
            f"Who checks it no longer connects. orthancgen certs renew {env} makes a new one.",
            {certificate: "60x30"}, {certificate: f"{_DAY}x30"}, {"certificate": "site.https"},
        ),
        Alert(
            "OrthancCallsRefused",
            f"sum by (environment) (increase(orthancgen_refused_calls_total{{{here}}}[1h])) > {refused}",
            0, "warning", "Orthanc refuses many DICOM calls",
            f"A modality was changed, or somebody tries. {doctor}",
            {rejected: f"0x30 {refused * 2}x40"}, {rejected: f"0x30 {max(1, refused // 2)}x40"}, until=60,
        ),
        Alert(
            "OrthancVerificationFailed", f"{success} == 0", 0, "critical", "A proof of the site failed",
            f"Something works that must not, or does not that must. orthancgen verify {env} shows which.",
            {success: "0x30"}, {success: "1x30"},
        ),
        Alert(
            "OrthancVerificationMissing", f"time() - {run} > {late} or absent({run})",
            10, "warning", "The proofs of the site were not run",
            f"They run by a timer: systemctl list-timers orthancgen-verify-{env}.timer shows when.",
            {run: f"-{late}x30"}, {run: "0+60x30"},
        ),
    ]  # fmt: skip
    if site.backend.enabled:
        found += [
            _silent(env, "backend", "OrthancBackend", "critical", f"New images do not appear in the records. {doctor}"),
            Alert(
                "OrthancBacklogOld",
                f"max by (environment) (orthancgen_backend_oldest_undelivered_seconds{{{here}}}) > {backlog}",
                5, "warning", "Images wait to be recorded",
                f"Orthanc has them; the records, and the viewer, have not. {doctor}",
                {oldest: f"{backlog * 2}x30"}, {oldest: f"{backlog // 2}x30"},
            ),
            Alert(
                "OrthancDeliveryFails",
                f"sum by (environment) (increase(orthancgen_backend_delivery_failures_total{{{here}}}[15m])) > 3",
                5, "warning", "The backend cannot follow Orthanc",
                f"It tries again by itself. {doctor}",
                {failures: "0+1x30"}, {failures: "0x30"},
            ),
        ]  # fmt: skip
    return tuple(found)


def _silent(env: str, service: str, subject: str, severity: Severity, description: str) -> Alert:
    title = {"orthanc": "Orthanc", "backend": "The backend", "host": "The node exporter"}[service]
    up = f'up{{environment="{env}",service="{service}",job="orthancgen-{env}-{service}",instance="here"}}'
    return Alert(
        f"{subject}NotAnswering",
        f'max by (environment, service) (up{{environment="{env}",service="{service}"}}) == 0',
        2, severity, f"{title} does not answer Prometheus", description, {up: "0x30"}, {up: "1x30"},
        {"service": service},
    )  # fmt: skip


def _late(plan: Plan) -> int:
    """Seconds after which proofs are missing: twice their period, or eight days where that is systemd's to know."""
    found = plain_schedule(plan.site.observability.verify_schedule)
    return 2 * _PERIODS[found["every"]] + _GRACE if found else 8 * _DAY
