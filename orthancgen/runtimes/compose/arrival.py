"""Whether this engine shows containers the addresses of who calls them, as far as it tells."""

from __future__ import annotations

from typing import Final

from orthancgen.errors import EngineError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.site.network import CallersArrive

_HIDING: Final[dict[CallersArrive, str]] = {
    "by_rootless_engine": "runs without root",
    "by_docker_desktop": "is Docker Desktop",
}


def require_arrival(plan: Plan, engine: Engine) -> None:
    """The engine is of the kind that the environment says.

    An engine without root, and Docker Desktop, hand a published port's calls on from an address of their own
    (https://docs.docker.com/engine/security/rootless/troubleshoot/): a check of addresses would refuse every modality.

    Raises:
        EngineError: the engine hides addresses, and the environment says that callers arrive directly.
    """
    hides = engine.hides_addresses
    if hides is None or plan.site.network.callers_arrive != "directly":
        return
    raise EngineError(
        f"this engine {_HIDING[hides]}: Orthanc would see every caller with one and the same address, and "
        "network.callers_arrive says directly",
        hint=f"use an engine of Linux that runs as root; or write network: {{callers_arrive: {hides}}}, and prove "
        "callers by certificate (dicom.tls with client_certificates: required, calling_aet: registered)",
    )
