"""health.sh of each container that has one: what the engine runs in it to see whether it is healthy."""

from __future__ import annotations

from orthancgen.plan.gateway import health_port
from orthancgen.plan.model import Plan
from orthancgen.render.engine import render_template
from orthancgen.render.replica_set import has_members


def orthanc(plan: Plan) -> str:
    """Orthanc: its DICOM port is listened on, its REST API answers."""
    site = plan.site
    return render_template("orthanc/health.sh", dicom_port=site.dicom.port, http_port=site.http.port)


def database(plan: Plan) -> str:
    """The database: it answers in its own protocol."""
    port = plan.site.backend.database.port
    return render_template("database/health.sh", port=port, members=has_members(plan))


def gateway(plan: Plan) -> str:
    """The gateway: haproxy answers."""
    return render_template("gateway/health.sh", port=health_port(plan.site))
