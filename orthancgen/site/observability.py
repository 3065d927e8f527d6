"""`observability:` what watches the site: Prometheus, its alerts, Grafana, proofs by the clock, logs sent elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orthancgen.site.backup import Schedule
from orthancgen.site.types import AbsolutePath, Cidr, Host, HttpUrl, Items, Port, SecretRef, Section, reference


class Alerts(Section):
    """From which values on somebody is told."""

    backlog_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    """Age of the oldest image that the backend has not recorded."""
    storage_percent: Annotated[int, Field(ge=1, le=50)] = 10
    """Room that is left on a disk of the services."""
    certificate_days: Annotated[int, Field(ge=1, le=365)] = 21
    """Days until a certificate of the site ends."""
    refused_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 20
    """DICOM calls of others that Orthanc refused within an hour."""
    runbooks: HttpUrl | None = None
    """Page that each alert refers to, at an anchor of its name in small letters: yours, or `observability.html` of a
    copy of this documentation."""


class Logs(Section):
    """Where the logs of the services are sent to, by syslog."""

    host: Host | None = None
    """Who takes them (RFC 5424 over TCP); without it, they stay on this host."""
    port: Port = 6514
    """Of the receiver."""
    tls: bool = True
    """Whether they travel by TLS, and the receiver proves its name (RFC 5425)."""


class Observability(Section):
    """What watches the site. All of it is off by default, and asks the site as a caller with no other right."""

    prometheus: bool = False
    """Whether there are accounts for Prometheus, and its configuration and alerts are written."""
    grafana: bool = False
    """Whether a dashboard for Grafana is written."""
    scraped_from: Items[Cidr] = ()
    """Addresses of Prometheus where it runs on another host; without them, it runs on this one."""
    node_exporter_port: Port = 9100
    """Where Prometheus' node exporter of this host answers; it hands over what `orthancgen verify --metrics` writes."""
    textfile_folder: AbsolutePath = "/var/lib/prometheus/node-exporter"
    """Folder of the node exporter's textfile collector; this is Debian's."""
    verify_schedule: Schedule = Field(
        "hourly",
        description="When the timer runs the proofs: hourly, daily HH:MM, weekly DAY HH:MM, or systemd's OnCalendar.",
    )
    orthanc_password: SecretRef = reference("metrics_orthanc_password")
    """Password of Prometheus on Orthanc, where it may read the metrics alone."""
    backend_token: SecretRef = reference("metrics_backend_token")
    """Bearer token of Prometheus on the backend, where it sees metrics and status alone."""
    alerts: Alerts = Alerts()
    logs: Logs = Logs()
