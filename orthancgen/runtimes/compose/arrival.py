"""Whether this engine shows containers the addresses of who calls them, as far as it tells."""

from __future__ import annotations

from orthancgen.errors import EngineError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.report import Report


def require_arrival(plan: Plan, engine: Engine, report: Report) -> None:
    """The engine is of the kind that the environment says, as far as it tells.

    Docker Desktop hands the calls of a published port on from an address of its own. An engine without root does so
    with its default port driver, and not with slirp4netns (seen with rootlesskit 1.1). It does not tell which one it
    has: there, the proof that addresses are kept decides.
    https://docs.docker.com/engine/security/rootless/troubleshoot/#docker-run--p-does-not-propagate-source-ip-addresses

    Raises:
        EngineError: the engine hides addresses, and the environment says that callers arrive directly.
    """
    if plan.site.network.callers_arrive != "directly":
        return
    if engine.desktop:
        raise EngineError(
            "this engine is Docker Desktop: Orthanc would see every caller with one and the same address, and "
            "network.callers_arrive says directly",
            hint="use an engine of Linux; or write network: {callers_arrive: by_docker_desktop}, and prove callers by "
            "certificate (dicom.tls with client_certificates: required, calling_aet: registered)",
        )
    if engine.rootless:
        report.done("engine", "runs without root: callers keep their addresses only with the port driver slirp4netns")
