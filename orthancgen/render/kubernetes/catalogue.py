"""The files of the manifests: a Kustomize base with one of each program, and the overlay of the environment.

https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
"""

from __future__ import annotations

from typing import Final

from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.artifact import Artifact
from orthancgen.render.kubernetes.objects import Object, namespace, namespace_object, text
from orthancgen.render.kubernetes.policies import policies
from orthancgen.render.kubernetes.workloads import of_service

FOLDER: Final = "kubernetes"
_SERVICES: Final[tuple[ServiceName, ...]] = (
    "orthanc",
    "backend",
    "database",
    "postgresql",
    "viewer",
    "analysis",
    "gateway",
)


def is_kubernetes(plan: Plan) -> bool:
    """Whether the environment is rendered as manifests."""
    return plan.site.runtime == "kubernetes"


def base(plan: Plan) -> list[Object]:
    """Every object of the base."""
    services = [name for name in _SERVICES if name in plan.by_name]
    found = [one for service in services for one in of_service(plan, service)]
    return [namespace_object(plan), *found, *policies(plan)]


def _base_kustomization(plan: Plan) -> str:
    services = [name for name in _SERVICES if name in plan.by_name]
    resources = ["namespace.yaml", *(f"{name}.yaml" for name in services), "network-policies.yaml"]
    return text(plan, [{**_HEAD, "namespace": namespace(plan), "resources": resources}])


def _overlay(plan: Plan) -> str:
    """The overlay: how many of each there are."""
    scale = plan.site.scale
    counts = {"orthanc": scale.orthancs, "backend": scale.backends}
    replicas = [{"name": name, "count": count} for name, count in counts.items() if name in plan.by_name]
    return text(plan, [{**_HEAD, "resources": ["../../base"], "replicas": replicas}])


_HEAD: Final = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


def _of(service: ServiceName) -> Artifact:
    return Artifact(
        f"{FOLDER}/base/{service}.yaml",
        lambda plan: text(plan, of_service(plan, service)),
        (service,),
        lambda plan: is_kubernetes(plan) and service in plan.by_name,
    )


ARTIFACTS: Final[tuple[Artifact, ...]] = (
    Artifact(f"{FOLDER}/base/kustomization.yaml", _base_kustomization, wanted=is_kubernetes),
    Artifact(f"{FOLDER}/base/namespace.yaml", lambda plan: text(plan, [namespace_object(plan)]), wanted=is_kubernetes),
    *(_of(service) for service in _SERVICES),
    Artifact(f"{FOLDER}/base/network-policies.yaml", lambda plan: text(plan, policies(plan)), wanted=is_kubernetes),
    Artifact(f"{FOLDER}/overlays/site/kustomization.yaml", _overlay, wanted=is_kubernetes),
)
