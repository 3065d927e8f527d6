"""grafana/: a dashboard of one environment, and what makes Grafana load it.

https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ and
https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import yaml

from orthancgen.plan.model import Plan
from orthancgen.render.quoting import json_document

_SOURCE: Final[Mapping[str, str]] = {"type": "prometheus", "uid": "${source}"}
_SCHEMA_VERSION: Final = 39
"""Of Grafana 10.4 and 11; newer ones migrate it when they load it."""
_COLUMNS: Final = 24
"""Width of Grafana's grid."""
_HERE: Final = "$here"
"""Stands in the expressions below for the label that selects the environment."""
_FOLDER: Final = "/var/lib/grafana/dashboards/orthancgen"
"""Where the provisioning expects the dashboard; Grafana's own examples use a folder beside it."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: for a reader.
        kind: one number (`stat`), or values over time (`timeseries`).
        queries: legend -> expression in PromQL.
        unit: Grafana's id of the unit.
        columns: of 24; a row is filled before the next begins.
        red_below, red_from: from where on a number is bad, where it can be.
        words: value -> what is shown instead.
    """

    title: str
    kind: Literal["stat", "timeseries"]
    queries: Mapping[str, str]
    unit: str = "short"
    columns: int = 8
    red_below: float | None = None
    red_from: float | None = None
    words: Mapping[str, str] = field(default_factory=dict)


_UP: Final = {"0": "silent", "1": "answers"}
_PANELS: Final[tuple[Panel, ...]] = (
    Panel("Orthanc", "stat", {"": 'up{$here, service="orthanc"}'}, columns=4, red_below=1, words=_UP),
    Panel("Backend", "stat", {"": 'up{$here, service="backend"}'}, columns=4, red_below=1, words=_UP),
    Panel(
        "Proofs", "stat", {"": "orthancgen_verify_success{$here}"}, columns=4, red_below=1,
        words={"0": "failed", "1": "hold"},
    ),
    Panel(
        "Proofs ran before", "stat", {"": "time() - orthancgen_verify_run_timestamp_seconds{$here}"}, "s", 4,
    ),
    Panel(
        "First certificate ends in", "stat",
        {"": "min(orthancgen_certificate_not_after_timestamp_seconds{$here}) - time()"}, "s", 4, red_below=14 * 86_400,
    ),
    Panel(
        "Least room on a disk", "stat",
        {"": "min(orthancgen_storage_free_bytes{$here} / orthancgen_storage_size_bytes{$here})"}, "percentunit", 4,
        red_below=0.1,
    ),
    Panel(
        "Stored", "timeseries",
        {
            "patients": "orthanc_count_patients{$here}", "studies": "orthanc_count_studies{$here}",
            "series": "orthanc_count_series{$here}", "instances": "orthanc_count_instances{$here}",
        },
    ),
    Panel("Size of the images", "timeseries", {"on disk": "orthanc_disk_size_mb{$here}"}, "decmbytes"),
    Panel("Room", "timeseries", {"{{what}}": "orthancgen_storage_free_bytes{$here}"}, "bytes"),
    Panel(
        "Waiting to be recorded", "timeseries", {"changes": "orthancgen_backend_backlog_changes{$here}"},
    ),
    Panel(
        "Oldest image that waits", "timeseries", {"age": "orthancgen_backend_oldest_undelivered_seconds{$here}"}, "s",
    ),
    Panel(
        "Recorded", "timeseries",
        {
            "recorded": "rate(orthancgen_backend_instances_recorded_total{$here}[5m])",
            "removed": "rate(orthancgen_backend_instances_removed_total{$here}[5m])",
        }, "cps",
    ),
    Panel(
        "Refused DICOM calls", "timeseries",
        {"{{reason}}": "increase(orthancgen_refused_calls_total{$here}[1h]) > 0"},
    ),
    Panel(
        "Jobs of Orthanc", "timeseries",
        {"running": "orthanc_jobs_running{$here}", "pending": "orthanc_jobs_pending{$here}"},
    ),
    Panel(
        "Time that Orthanc takes", "timeseries",
        {
            "an image": "orthanc_store_dicom_duration_ms{$here}",
            "a request by REST": "orthanc_rest_api_duration_ms{$here}",
        }, "ms",
    ),
    Panel(
        "Answers of the backend", "timeseries",
        {
            "{{status}}": "sum by (status) (rate(orthancgen_backend_http_request_duration_seconds_count{$here}[5m]))"
        }, "reqps",
    ),
    Panel(
        "Time of an answer, 95 of 100", "timeseries",
        {
            "seconds": "histogram_quantile(0.95, sum by (le) "
            "(rate(orthancgen_backend_http_request_duration_seconds_bucket{$here}[5m])))"
        }, "s",
    ),
    Panel(
        "Proofs that failed", "timeseries", {"{{check}}": "orthancgen_verify_check_success{$here} == 0"},
    ),
)  # fmt: skip


def dashboard(plan: Plan) -> str:
    """The text of dashboard.json."""
    environment = plan.site.environment
    return json_document(
        {
            "uid": f"orthancgen-{environment}",
            "title": f"Orthanc {environment}",
            "tags": ["orthanc", environment],
            "schemaVersion": _SCHEMA_VERSION,
            "version": 1,
            "editable": False,
            "refresh": "1m",
            "time": {"from": "now-24h", "to": "now"},
            "timezone": "browser",
            "templating": {"list": [_source()]},
            "annotations": {"list": []},
            "panels": _placed([_panel(one, f'environment="{environment}"') for one in _PANELS]),
        }
    )


def provisioning(plan: Plan) -> str:
    """The text of provisioning.yml, for Grafana's folder `provisioning/dashboards`."""
    provider = {
        "name": f"orthancgen-{plan.site.environment}",
        "type": "file",
        "disableDeletion": True,
        "options": {"path": _FOLDER},
    }
    head = f"# The dashboard belongs into {_FOLDER}.\n"
    return head + yaml.safe_dump({"apiVersion": 1, "providers": [provider]}, sort_keys=False, width=120)


def _source() -> dict[str, Any]:
    """Which Prometheus is asked: chosen by whoever looks, the first by default."""
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}


def _panel(panel: Panel, here: str) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red_below is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel.red_below}]
    elif panel.red_from is not None:
        steps.append({"color": "red", "value": panel.red_from})
    mappings = [{"type": "value", "options": {value: {"text": text} for value, text in panel.words.items()}}]
    options: dict[str, Any] = {"legend": {"displayMode": "list", "placement": "bottom"}}
    if panel.kind == "stat":
        options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background", "graphMode": "none"}
    return {
        "title": panel.title,
        "type": panel.kind,
        "datasource": dict(_SOURCE),
        "gridPos": {"w": panel.columns, "h": 4 if panel.kind == "stat" else 8},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "mappings": mappings if panel.words else [],
                "thresholds": {"mode": "absolute", "steps": steps},
            },
            "overrides": [],
        },
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": dict(_SOURCE),
                "expr": expression.replace(_HERE, here),
                "legendFormat": legend,
            }
            for number, (legend, expression) in enumerate(panel.queries.items())
        ],
    }


def _placed(panels: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The panels with their ids and places, from left to right, row by row."""
    x = y = height = 0
    for number, panel in enumerate(panels, 1):
        place = panel["gridPos"]
        if x + place["w"] > _COLUMNS:
            x, y = 0, y + height
        height = place["h"]
        place |= {"x": x, "y": y}
        x += place["w"]
        panel["id"] = number
    return list(panels)
