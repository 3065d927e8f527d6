"""What runs in each pod: image, program, files, volumes, probes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orthancgen.plan.gateway import call_ports
from orthancgen.plan.images import image_to_run
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render import member_sh
from orthancgen.render.account_json import ROOT_USER
from orthancgen.render.container_files import CONFIGURATION_FOLDER, DATABASE_FOLDER, SECRETS_FOLDER, mounts, users
from orthancgen.render.container_programs import (
    POSTGRESQL_FOLDER,
    analysis_megabytes,
    command_of,
    files,
    postgresql_arguments,
    postgresql_environment,
)
from orthancgen.render.image_layouts import image_layout
from orthancgen.render.kubernetes.objects import (
    Object,
    container_security,
    digest,
    labels,
    manifest,
    pod_security,
    resources,
    selector,
)
from orthancgen.render.layout import MODELS_FOLDER
from orthancgen.render.orthanc_json import INSTANCE_VARIABLE
from orthancgen.render.replica_set import has_members

_TEMPORARY: Final[Mapping[ServiceName, tuple[tuple[str, int], ...]]] = {
    "orthanc": (("/tmp", 512),),  # noqa: S108
    "backend": (("/tmp", 64),),  # noqa: S108
    "viewer": (("/tmp", 32),),  # noqa: S108
    "gateway": (("/tmp", 16),),  # noqa: S108
    "database": (("/tmp", 64), ("/data/configdb", 16)),  # noqa: S108
    "postgresql": (("/tmp", 64), ("/var/run/postgresql", 16)),  # noqa: S108
    "database-account": (("/tmp", 16),),  # noqa: S108
}
"""Folders that may be written and are forgotten, with most megabytes."""
PLAIN: Final = "dicom-plain"
"""Name of the port of the unencrypted DICOM listener."""
_PRIVILEGED: Final = 1024
_GRACE_SECONDS: Final[Mapping[ServiceName, int]] = {"orthanc": 60, "database": 30, "postgresql": 30}


def config_map(plan: Plan, service: ServiceName) -> Object | None:
    """The rendered files of a service, or None where it reads none. Another content has another name."""
    found = files(plan, service)
    if not found:
        return None
    return manifest(plan, "v1", "ConfigMap", _config_name(service, found), service, immutable=True, data=found)


def _config_name(service: ServiceName, found: Mapping[str, str]) -> str:
    return f"{service}-{digest(*found, *found.values())}"


def secret_name(service: ServiceName) -> str:
    """The Secret that a service reads; it is made by `orthancgen secrets place` and kubectl, and stands in no file."""
    return f"{service}-secrets"


def pod(plan: Plan, service: ServiceName, data: Object | None = None) -> Object:
    """A pod's template.

    Args:
        plan: of the environment.
        service: which one.
        data: the volume of what it keeps, without its name; None where it keeps nothing, or a claim's template says it.
    """
    uid, gid = users(plan)[service]
    folders = _temporary(plan, service)
    sources = _configuration(plan, service)
    secret = [file for file in mounts(plan)[service] if file.target.startswith(f"{SECRETS_FOLDER}/")]
    volumes: list[Object] = [
        {"name": f"temporary-{index}", "emptyDir": {"medium": "Memory", "sizeLimit": f"{megabytes}Mi"}}
        for index, (_, megabytes) in enumerate(folders)
    ]
    mounted: list[Object] = [
        {"name": f"temporary-{index}", "mountPath": path} for index, (path, _) in enumerate(folders)
    ]
    if sources:
        volumes.append({"name": "configuration", "projected": {"defaultMode": 0o440, "sources": sources}})
        mounted.append({"name": "configuration", "mountPath": CONFIGURATION_FOLDER, "readOnly": True})
    if secret:
        items = [{"key": file.name, "path": file.target.removeprefix(f"{SECRETS_FOLDER}/")} for file in secret]
        volumes.append(
            {
                "name": "secrets",
                "secret": {"secretName": secret_name(service), "defaultMode": 0o440, "items": items},
            }
        )
        mounted.append({"name": "secrets", "mountPath": SECRETS_FOLDER, "readOnly": True})
    if folder := _data_folder(plan, service):
        mounted.append({"name": "data", "mountPath": folder, **({"readOnly": True} if service == "analysis" else {})})
        volumes.extend([] if data is None else [{"name": "data", **data}])
    container = {
        "name": service,
        "image": image_to_run(plan, service),
        "imagePullPolicy": "Always",
        **_program(plan, service),
        "ports": _ports(plan, service),
        **_probes(plan, service),
        "resources": resources(plan, service),
        "securityContext": container_security(),
        "volumeMounts": mounted,
    }
    return {
        "metadata": {"labels": labels(service)},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": _GRACE_SECONDS.get(service, 15),
            "securityContext": {**pod_security(uid, gid), **_low_ports(plan, service)},
            **_placement(plan, service),
            "containers": [{key: value for key, value in container.items() if value not in ([], {})}],
            "volumes": volumes,
        },
    }


def _low_ports(plan: Plan, service: ServiceName) -> Object:
    """What lets a user listen on a port below 1024: a sysctl of the pod, which the restricted standard allows."""
    lowest = min(ports(plan, service).values(), default=_PRIVILEGED)
    if lowest >= _PRIVILEGED:
        return {}
    return {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": str(lowest)}]}


def _temporary(plan: Plan, service: ServiceName) -> tuple[tuple[str, int], ...]:
    return (("/tmp", analysis_megabytes(plan)),) if service == "analysis" else _TEMPORARY[service]  # noqa: S108


def _placement(plan: Plan, service: ServiceName) -> Object:
    """Two of a kind are not on one node where there are others; members of a replica set never are."""
    if service == "database-account":
        return {}
    if service == "database" and has_members(plan):
        apart = {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector(service)}
        return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}}
    return {"topologySpreadConstraints": [_spread(service)]}


def _spread(service: ServiceName) -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": selector(service),
    }


def _configuration(plan: Plan, service: ServiceName) -> list[Object]:
    """The folder of configuration: rendered files, and beside them those that hold secrets."""
    sources: list[Object] = []
    if found := files(plan, service):
        sources.append({"configMap": {"name": _config_name(service, found)}})
    beside = [file for file in mounts(plan)[service] if file.target.startswith(f"{CONFIGURATION_FOLDER}/")]
    if beside:
        items = [{"key": file.name, "path": file.target.removeprefix(f"{CONFIGURATION_FOLDER}/")} for file in beside]
        sources.append({"secret": {"name": secret_name(service), "items": items}})
    return sources


def _data_folder(plan: Plan, service: ServiceName) -> str | None:
    if service == "orthanc":
        return image_layout(plan.site.images).storage
    if service == "analysis":
        return MODELS_FOLDER if plan.site.analysis.models else None
    return {"database": DATABASE_FOLDER, "postgresql": POSTGRESQL_FOLDER}.get(service)


def _program(plan: Plan, service: ServiceName) -> Object:
    site = plan.site
    if service == "orthanc":
        instance = {"name": INSTANCE_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        return {
            "command": [image_layout(site.images).program],
            "args": [CONFIGURATION_FOLDER],
            # DCMTK reads TCP_NODELAY: without it, each instance waits 40 ms for Nagle's algorithm.
            "env": [{"name": "TCP_NODELAY", "value": "1"}, *([instance] if site.scale.orthancs > 1 else [])],
        }
    if service == "database" and has_members(plan):
        return {"command": ["bash", f"{CONFIGURATION_FOLDER}/{member_sh.SCRIPT}"]}
    if service == "database":
        database = site.backend.database
        return {
            "args": ["--port", str(database.port)],
            "env": [
                {"name": "MONGO_INITDB_ROOT_USERNAME", "value": ROOT_USER},
                {
                    "name": "MONGO_INITDB_ROOT_PASSWORD_FILE",
                    "value": f"{SECRETS_FOLDER}/{database.root_password.secret}",
                },
            ],
        }
    if service == "postgresql":
        return {"args": postgresql_arguments(plan), "env": _environment(postgresql_environment(plan))}
    program, *arguments = command_of(service)
    return {"command": [program], "args": arguments}


def _environment(variables: Mapping[str, str]) -> list[Object]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def ports(plan: Plan, service: ServiceName) -> dict[str, int]:
    """The ports on which a pod of the service listens, by name."""
    site = plan.site
    found: dict[ServiceName, dict[str, int]] = {
        "orthanc": {"dicom": site.dicom.port, "http": site.http.port},
        "backend": {"http": site.backend.port},
        "viewer": {"http": site.viewer.port},
        "analysis": {"http": site.analysis.port},
        "database": {"mongo": site.backend.database.port},
        "postgresql": {"postgresql": site.scale.postgresql.port},
        "gateway": {**_web_ports(plan), **plain_ports(plan)},
    }
    return found.get(service, {})


def _web_ports(plan: Plan) -> dict[str, int]:
    site = plan.site
    if not site.http.tls.enabled:
        return {}
    return {
        "orthanc": site.http.port,
        **({"backend": site.backend.port} if site.backend.enabled else {}),
        **({"viewer": site.viewer.port} if site.viewer.enabled else {}),
    }


def plain_ports(plan: Plan) -> dict[str, int]:
    """The gateway's ports for modalities without TLS: the one that they call, and one for Orthanc's calls to each."""
    if not plan.site.dicom.plain.enabled:
        return {}
    return {PLAIN: plan.site.dicom.plain.port, **{f"call-{port}": port for port in call_ports(plan.site).values()}}


def _ports(plan: Plan, service: ServiceName) -> list[Object]:
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in ports(plan, service).items()]


def _probes(plan: Plan, service: ServiceName) -> Object:
    if service == "database-account":
        return {}
    look: dict[str, Any] = {"exec": {"command": ["bash", f"{CONFIGURATION_FOLDER}/health.sh"]}}
    ready = look
    if service == "postgresql":
        database = plan.site.scale.postgresql
        asked = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(database.port), "-U", database.user]
        look = ready = {"exec": {"command": [*asked, "-d", database.name]}}
    elif service == "database" and has_members(plan):
        # One that is behind the others does not count as there: the next one would be taken away.
        ready = {"exec": {"command": [*look["exec"]["command"], "member"]}}
    elif service in ("backend", "viewer", "analysis"):
        # Alive, not ready: it outlives a restart of Orthanc or the database, and must not count as broken then.
        look = ready = {"httpGet": {"path": "/healthz", "port": "http"}}
    return {
        "startupProbe": {**look, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 60},
        "livenessProbe": {**look, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "readinessProbe": {**ready, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 2},
    }
