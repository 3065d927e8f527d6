"""The report of an environment: everything computed, in no format yet. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orthancgen.access.callers import callers
from orthancgen.access.dead import findings
from orthancgen.access.http import web_rows
from orthancgen.access.matrix import Matrix, firewalls
from orthancgen.access.model import InnerFlow, Notice, Port, Report, Row
from orthancgen.access.settings import Settings
from orthancgen.firewall.policy import policy
from orthancgen.plan.gateway import has_gateway
from orthancgen.plan.model import Plan
from orthancgen.plan.sources import arrival
from orthancgen.render.orthanc_json import configuration
from orthancgen.site.load import Loaded
from orthancgen.site.problems import KeyPath
from orthancgen.site.types import is_loopback


def report(loaded: Loaded, plan: Plan) -> Report:
    """Who may do what on an environment.

    Args:
        loaded: the environment as it was read.
        plan: what follows from it.
    """
    site, whole, rendered = plan.site, policy(plan), configuration(plan)
    settings = Settings(loaded, site)
    rows = Matrix(plan, whole, rendered, settings).rows()
    return Report(
        environment=site.environment,
        kind=site.kind,
        description=site.description,
        orthanc_aet=site.orthanc.aet,
        orthanc_version=str(plan.version),
        firewalls=firewalls(plan),
        notices=(*_unusable(rows), *_notices(plan)),
        callers=callers(site),
        rows=rows,
        web=tuple(web_rows(plan, whole, settings)),
        findings=tuple(findings(plan, loaded, rendered, settings)),
        ports=tuple(_ports(plan)),
        services=tuple(service.title for service in plan.services),
        inner_flows=tuple(
            InnerFlow(plan.by_name[source].title, service.title, flow.reason)
            for flow in plan.flows
            for source, service in ((flow.source, plan.by_name[flow.service]),)
            if source in plan.by_name
        ),
    )


def _ports(plan: Plan) -> Iterator[Port]:
    site = plan.site
    encrypted: dict[KeyPath, bool] = {
        ("dicom", "port"): site.dicom.tls.enabled,
        ("http", "port"): site.http.tls.enabled,
        ("backend", "port"): site.http.tls.enabled and has_gateway(site),
    }
    for service in plan.services:
        for one in service.listeners:
            yield Port(one.name, one.port, one.address, service.title, encrypted.get(one.said_by, False))


def _unusable(rows: Iterable[Row]) -> Iterator[Notice]:
    """What Orthanc itself refuses before TLS: then it serves nobody."""
    for reason in dict.fromkeys(row.reason for row in rows if row.step == "connection" and row.orthanc_keys):
        yield Notice(f"no DICOM caller is served: {reason}", "change the setting that is named below")


def _notices(plan: Plan) -> Iterator[Notice]:
    open_ports = [f"{one.name} {one.port}" for one in plan.listeners if not is_loopback(one.address)]
    if not firewalls(plan):
        reached = f"whoever reaches this host reaches {', '.join(open_ports)}" if open_ports else ""
        yield Notice(
            f"no firewall rules are written for this environment: {reached or 'only this host reaches its ports'}",
            "network: {firewall: [nftables], managed_from: [...]}; or say who else keeps strangers from these ports",
        )
    arrived = arrival(plan.site)
    if arrived.seen is not None:
        yield Notice(
            f"Orthanc sees every call of other hosts come from {arrived.seen}: {arrived.by} stands between",
            "who calls is proved by client certificates alone",
        )
