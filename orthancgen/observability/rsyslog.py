"""logs/: files of rsyslog that send the services' logs to the receiver that the environment names.

It is no part of the bundle: where the logs lie is this machine's to say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from orthancgen.plan.model import Plan
from orthancgen.render.container_files import project_name
from orthancgen.render.engine import render_template
from orthancgen.runtimes.state import State

DOCKER_LOGS: Final = Path("/var/lib/docker/containers")
"""Where Docker's driver json-file writes. https://docs.docker.com/engine/logging/drivers/json-file/"""


def wanted(plan: Plan) -> bool:
    """Whether the logs are sent anywhere."""
    return plan.site.observability.logs.host is not None


def files(plan: Plan, state: State, docker_logs: Path = DOCKER_LOGS) -> dict[str, str]:
    """Name -> text of each file; rsyslog reads them in the order of their names.

    Args:
        plan: of an environment whose logs are sent.
        state: its folders; native programs log there.
        docker_logs: where the engine of this host keeps the output of containers.

    Raises:
        RenderError: rsyslog's configuration cannot carry a value.
    """
    logs = plan.site.observability.logs
    containers = plan.site.runtime != "native"
    own = render_template(
        "logs/rsyslog.conf",
        environment=plan.site.environment,
        project=project_name(plan.site.environment),
        host=logs.host or "",
        port=logs.port,
        tls=logs.tls,
        containers=containers,
        folder=str(docker_logs if containers else state.logs),
        services=[service.name for service in plan.services],
    )
    name = project_name(plan.site.environment)
    return {"30-orthancgen-modules.conf": render_template("logs/modules.conf"), f"31-{name}.conf": own}
