"""Are the ports that are to be published free on this host?"""

from __future__ import annotations

from orthancgen.plan.model import Plan
from orthancgen.runtimes import ports
from orthancgen.runtimes.compose.live import Live


def require_free(plan: Plan, live: Live) -> None:
    """Check each published port that no container of the environment publishes already.

    Raises:
        PortTakenError: names every port that is taken, by whom, and the key that decides it.
    """
    ours = {port for container in live.containers.values() for port in container.published_ports}
    ports.require_free([one for one in plan.listeners if one.port not in ours])
