"""NetworkPolicies from the plan's flows: nobody reaches anything, but for what a flow permits.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from orthancgen.plan.gateway import plain_modalities
from orthancgen.plan.model import ANYONE, THIS_HOST, Flow, Plan, ServiceName
from orthancgen.render.container_files import containers
from orthancgen.render.kubernetes.objects import Object, manifest, selector
from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site
from orthancgen.site.types import is_ip, split_host_port

_DNS: Final[Object] = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}
"""Every pod asks for names."""


def policies(plan: Plan) -> list[Object]:
    """The policies: nothing for nobody, then one a service."""
    deny = manifest(
        plan, "networking.k8s.io/v1", "NetworkPolicy", "nothing-by-default", "network",
        spec={"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    )  # fmt: skip
    flows = flows_of(plan)
    return [deny, *(_policy(plan, service, flows) for service in sorted(containers(plan)))]


def flows_of(plan: Plan) -> tuple[Flow, ...]:
    """The flows of the plan, with those that only containers have."""
    found = [flow for flow in plan.flows if flow.source != THIS_HOST]
    if plan.site.verification.enabled and plan.site.verification.address is not None:
        address = plan.site.verification.address
        found.append(Flow(_one(address), "orthanc", plan.site.dicom.port, "orthancgen verify"))
    if "database" in plan.by_name:
        port = plan.site.backend.database.port
        found.append(Flow("database-account", "database", port, "the backend's account is made, once"))
    return tuple(found)


def _policy(plan: Plan, service: ServiceName, flows: tuple[Flow, ...]) -> Object:
    ingress: dict[int, list[Object]] = defaultdict(list)
    open_to_all: set[int] = set()
    for flow in flows:
        if flow.service == service:
            if flow.source == ANYONE:
                open_to_all.add(flow.port)
            elif (peer := _peer(flow.source)) not in ingress[flow.port]:
                ingress[flow.port].append(peer)
    ports = sorted({*ingress, *open_to_all})
    rules: list[Object] = [
        {**({} if port in open_to_all else {"from": ingress[port]}), "ports": [_port(port)]} for port in ports
    ]
    to = [flow for flow in flows if flow.source == service]
    egress = [_DNS, *({"to": [_peer(flow.service)], "ports": [_port(flow.port)]} for flow in to)]
    if service == "orthanc":
        egress.extend(_calls(plan.site))
    if service == "gateway":
        egress.extend(_to_modalities(plain_modalities(plan.site)))
    if service == "backend":
        egress.extend(_elsewhere(split_host_port(one)) for one in plan.site.scale.mongodb.hosts)
    spec: Object = {
        "podSelector": selector(service),
        "policyTypes": ["Ingress", "Egress"],
        "ingress": rules,
        "egress": egress,
    }
    return manifest(plan, "networking.k8s.io/v1", "NetworkPolicy", service, service, spec=spec)


def _calls(site: Site) -> list[Object]:
    """Orthanc's own calls: to modalities (C-MOVE, storage commitment), a PostgreSQL that is elsewhere, a bucket."""
    plain = plain_modalities(site)
    found = _to_modalities({name: one for name, one in site.modalities.items() if name not in plain})
    database = site.scale.postgresql
    if site.scale.index == "postgresql" and database.host is not None:
        found.append(_elsewhere((database.host, database.port)))
    if site.scale.storage == "object_storage":
        found.append({"ports": [_port(443)]})
    return found


def _to_modalities(called: Mapping[str, Modality]) -> list[Object]:
    return [
        {"to": [_peer(_one(modality.address))], "ports": [_port(modality.port)]}
        for modality in called.values()
        if is_ip(modality.address)
    ]


def _elsewhere(server: tuple[str, int]) -> Object:
    """A server outside the cluster; a policy knows no names, so one by name may be called wherever it is."""
    host, port = server
    return {**({"to": [_peer(_one(host))]} if is_ip(host) else {}), "ports": [_port(port)]}


def _peer(source: str) -> Object:
    if "/" in source:
        return {"ipBlock": {"cidr": str(ipaddress.ip_network(source))}}
    return {"podSelector": selector(source)}


def _port(port: int) -> Object:
    return {"protocol": "TCP", "port": port}


def _one(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"
