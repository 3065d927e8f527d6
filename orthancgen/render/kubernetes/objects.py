"""The parts that every object has: names, labels, and what a container may not (Pod Security Standards, restricted).

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from orthancgen.plan.model import Plan, ServiceName

Object = dict[str, Any]
"""A manifest, or a part of one, as a mapping."""
PART_OF: Final = "app.kubernetes.io/part-of"
NAME: Final = "app.kubernetes.io/name"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
_POD_SECURITY: Final = ("enforce", "audit", "warn")


def namespace(plan: Plan) -> str:
    """The namespace of the environment."""
    return f"orthancgen-{plan.site.environment}"


def labels(name: str) -> dict[str, str]:
    """The labels of an object of a service.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/
    """
    return {NAME: name, PART_OF: "orthancgen", MANAGED_BY: "orthancgen"}


def selector(name: str) -> Object:
    """Selects the pods of a service."""
    return {"matchLabels": {NAME: name, PART_OF: "orthancgen"}}


def manifest(plan: Plan, api: str, kind: str, name: str, of: str, **rest: Any) -> Object:
    """An object in the namespace of the environment; `of` is the service it belongs to."""
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace(plan), "labels": labels(of)},
        **rest,
    }


def namespace_object(plan: Plan) -> Object:
    """The namespace, which admits no pod that is less restricted."""
    enforced = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in _POD_SECURITY}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace(plan), "labels": {**labels("namespace"), **enforced}},
    }


def pod_security(uid: int, gid: int) -> Object:
    """As whom the pod runs; volumes belong to its group."""
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": gid,
        "fsGroup": gid,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Object:
    """What the container may not."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def resources(plan: Plan, service: ServiceName) -> Object:
    """What a container may take, from `containers.limits`; half of the processors are kept for it, and all memory."""
    limits = plan.site.containers.limits
    limit = limits.database if service == "postgresql" else limits.backend
    if service not in ("postgresql", "database-account"):
        limit = getattr(limits, service)
    cpus = round(limit.cpus * 1000)
    memory = f"{limit.memory_megabytes}Mi"
    return {
        "requests": {"cpu": f"{max(50, cpus // 2)}m", "memory": memory},
        "limits": {"cpu": f"{cpus}m", "memory": memory},
    }


def digest(*texts: str) -> str:
    """A short name for contents, so that another content is another object and pods are replaced."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:10]


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, so that a reader sees them as they are."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def text(plan: Plan, objects: Iterable[Mapping[str, Any]]) -> str:
    """A file of manifests."""
    head = f"# Rendered by orthancgen from the environment {plan.site.environment}: change that, not this file.\n"
    documents = (yaml.dump(dict(one), Dumper=_Dumper, sort_keys=False, width=120) for one in objects)
    return head + "---\n" + "---\n".join(documents)
