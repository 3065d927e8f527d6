"""The workloads: who runs how often, keeps what, and how many of them may be gone at once."""

from __future__ import annotations

from typing import Final

from orthancgen.plan.gateway import CALLS_SERVICE
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render import account_json
from orthancgen.render.kubernetes.objects import Object, digest, manifest, selector
from orthancgen.render.kubernetes.pods import PLAIN, config_map, plain_ports, pod, ports
from orthancgen.render.replica_set import has_members, own_members
from orthancgen.site.types import is_loopback

_SHARED_CLAIM: Final = "orthanc-images"
_MODELS_CLAIM: Final = "analysis-models"
"""Filled by the site: a folder for each model, by its name, with its card and what belongs to it."""
_ACCOUNT_RETRIES: Final = 20


def of_service(plan: Plan, service: ServiceName) -> list[Object]:
    """Every object of a service; one replica each: how many there are is said by the overlay."""
    found = [config_map(plan, service), *_workload(plan, service), *services(plan, service)]
    return [one for one in found if one is not None]


def _workload(plan: Plan, service: ServiceName) -> list[Object]:
    if service == "database":
        budget = [_budget(plan, service)] if has_members(plan) else []
        return [_stateful(plan, service, "16Gi"), *budget, *_account(plan)]
    if service == "postgresql":
        return [_stateful(plan, service, "256Gi" if plan.site.scale.storage == "postgresql" else "64Gi")]
    if service == "orthanc":
        return _orthanc(plan)
    if service == "analysis" and plan.site.analysis.models:
        models = {"persistentVolumeClaim": {"claimName": _MODELS_CLAIM, "readOnly": True}}
        claim = _claim(plan, _MODELS_CLAIM, service, "ReadWriteOnce", "8Gi")
        return [claim, _deployment(plan, service, models), _budget(plan, service)]
    return [_deployment(plan, service), _budget(plan, service)]


def _orthanc(plan: Plan) -> list[Object]:
    """A StatefulSet, so that each keeps its name in the index over a restart."""
    budget = _budget(plan, "orthanc")
    if plan.site.scale.storage == "folder":
        return [_stateful(plan, "orthanc", "256Gi"), budget]
    if plan.site.scale.storage != "shared_folder":
        return [_stateful(plan, "orthanc", None, {"emptyDir": {"sizeLimit": "1Gi"}}), budget]
    claim = _claim(plan, _SHARED_CLAIM, "orthanc", "ReadWriteMany", "256Gi")
    shared = {"persistentVolumeClaim": {"claimName": _SHARED_CLAIM}}
    return [claim, _stateful(plan, "orthanc", None, shared), budget]


def _claim(plan: Plan, name: str, of: ServiceName, mode: str, size: str) -> Object:
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": size}}}
    return manifest(plan, "v1", "PersistentVolumeClaim", name, of, spec=spec)


def _stateful(plan: Plan, service: ServiceName, claim: str | None, data: Object | None = None) -> Object:
    """A StatefulSet; with a claim, each of its pods has a volume of its own.

    Members of a replica set are written down by name, so how many there are is no matter of the overlay.
    """
    members = own_members(plan.site) if service == "database" else ()
    spec: Object = {
        "replicas": len(members) or 1,
        "serviceName": service,
        # Several Orthancs need not wait for one another; members of a replica set must not.
        "podManagementPolicy": "Parallel",
        "selector": selector(service),
        "template": pod(plan, service, data),
    }
    if claim is not None:
        template = {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": claim}}},
        }
        spec["volumeClaimTemplates"] = [template]
    return manifest(plan, "apps/v1", "StatefulSet", service, service, spec=spec)


def _deployment(plan: Plan, service: ServiceName, data: Object | None = None) -> Object:
    spec = {
        "replicas": 1,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}},
        "selector": selector(service),
        "template": pod(plan, service, data),
    }
    return manifest(plan, "apps/v1", "Deployment", service, service, spec=spec)


def _account(plan: Plan) -> list[Object]:
    """The job that makes the backend's account on the database; another configuration is another job."""
    template = pod(plan, "database-account")
    template["spec"]["restartPolicy"] = "OnFailure"
    name = f"database-account-{digest(account_json.build(plan), plan.version.__str__())}"
    job = manifest(
        plan, "batch/v1", "Job", name, "database-account", spec={"backoffLimit": _ACCOUNT_RETRIES, "template": template}
    )
    config = config_map(plan, "database-account")
    return [job] if config is None else [config, job]


def _budget(plan: Plan, service: ServiceName) -> Object:
    """At most one of a kind is taken away at a time."""
    return manifest(
        plan, "policy/v1", "PodDisruptionBudget", service, service,
        spec={"maxUnavailable": 1, "selector": selector(service)},
    )  # fmt: skip


def services(plan: Plan, service: ServiceName) -> list[Object]:
    """How a service is reached: by the others by its name, and from outside what the plan publishes."""
    plain = plain_ports(plan)
    # By DICOM, the gateway alone calls it inside.
    unused = {"dicom"} if service == "orthanc" and not plain else set()
    inner = {name: port for name, port in ports(plan, service).items() if name not in unused}
    spec = _headless(plan) if service == "database" else {"type": "ClusterIP"}
    found = [] if service == "gateway" else [_service(plan, service, service, inner, spec)]
    listeners = [one for one in plan.service(service).listeners if not is_loopback(one.address)]
    numbers = {one.port for one in listeners}
    outer = {name: port for name, port in ports(plan, service).items() if port in numbers and name not in plain}
    if service == "orthanc":
        found.append(_outside(plan, "orthanc-dicom", service, {"dicom": plan.site.dicom.port}))
    elif service == "gateway" and outer:
        found.append(_outside(plan, "gateway", service, outer))
    if service == "gateway" and plain:
        found.append(_outside(plan, "gateway-dicom", service, {PLAIN: plain[PLAIN]}))
        calls = {name: port for name, port in plain.items() if name != PLAIN}
        found.append(_service(plan, CALLS_SERVICE, service, calls, {"type": "ClusterIP"}))
    return found


def _headless(plan: Plan) -> Object:
    """Its name is that of its pods themselves, each of which has a name below it.

    Members of a replica set call one another before they are ready: that is how they become it.
    """
    return {"type": "ClusterIP", "clusterIP": "None", "publishNotReadyAddresses": has_members(plan)}


def _outside(plan: Plan, name: str, service: ServiceName, reached: dict[str, int]) -> Object:
    """A Service that is reached from outside, and lets the pod see the caller's own address.

    `externalTrafficPolicy: Local` alone keeps it: with `Cluster`, the node that was called translates it.
    https://kubernetes.io/docs/tutorials/services/source-ip/
    """
    sources = sorted(
        {
            flow.source
            for flow in plan.flows
            if flow.service == service and "/" in flow.source and flow.port in reached.values()
        }
    )
    spec: Object = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "allocateLoadBalancerNodePorts": True}
    anyone = any(flow.source == "anyone" for flow in plan.flows if flow.service == service)
    if sources and not anyone:
        spec["loadBalancerSourceRanges"] = sources
    return _service(plan, name, service, reached, spec)


def _service(plan: Plan, name: str, service: ServiceName, reached: dict[str, int], spec: Object) -> Object:
    listed = [{"name": one, "port": port, "targetPort": one, "protocol": "TCP"} for one, port in reached.items()]
    return manifest(
        plan, "v1", "Service", name, service,
        spec={**spec, "selector": selector(service)["matchLabels"], "ports": listed},
    )  # fmt: skip
