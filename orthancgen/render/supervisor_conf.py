"""supervisord.conf of the native runtime.

Programs are named by environment variables that the runtime sets, so that the file is the same on every machine.
"""

from __future__ import annotations

from orthancgen.plan.model import Plan
from orthancgen.render.engine import render_template


def build(plan: Plan) -> str:
    """The text of supervisord.conf."""
    site = plan.site
    names = plan.by_name
    return render_template(
        "supervisord.conf",
        environment=site.environment,
        database_port=site.backend.database.port,
        has_database="database" in names,
        has_backend="backend" in names,
        has_analysis="analysis" in names,
        has_viewer="viewer" in names,
    )
