"""stack.yaml: what `docker stack deploy` reads (Compose file format 3.9, Docker Engine 20.10 and newer).

https://docs.docker.com/reference/compose-file/deploy/, https://docs.docker.com/engine/swarm/stack-deploy/

Configuration lies in Swarm's configs, whose names carry a digest: another content is another config, and its service is
replaced. Secrets lie in Swarm's secrets, made from the folder that `orthancgen secrets place` writes.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import yaml

from orthancgen.plan.addresses import Network, addresses
from orthancgen.plan.images import image_to_run
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.account_json import ROOT_USER
from orthancgen.render.container_files import (
    CONFIGURATION_FOLDER,
    DATABASE_FOLDER,
    SECRETS_FOLDER,
    STORAGE_VOLUME,
    containers,
    mounts,
    project_name,
    users,
)
from orthancgen.render.container_programs import (
    POSTGRESQL_FOLDER,
    analysis_megabytes,
    command_of,
    files,
    postgresql_arguments,
    postgresql_environment,
)
from orthancgen.render.image_layouts import image_layout
from orthancgen.render.layout import MODELS_FOLDER
from orthancgen.render.orthanc_json import INSTANCE_VARIABLE
from orthancgen.render.quoting import comment, compose
from orthancgen.render.replica_set import has_members
from orthancgen.render.swarm import members
from orthancgen.site.analysis_checks import folder_of
from orthancgen.site.types import is_loopback

LABEL: Final = "org.orthancgen.environment"
SECRETS_VARIABLE: Final = "ORTHANCGEN_SECRETS"
"""Variable with the folder of the secrets' files, for `docker stack deploy`."""
SECRETS_VERSION: Final = "ORTHANCGEN_SECRETS_VERSION"
"""Variable with a number that is made higher when a secret has changed: Swarm changes none under its name."""
_MODE: Final = 0o400
_TEMPORARY_MEGABYTES: Final = {"orthanc": 512, "database": 64, "postgresql": 64, "backend": 64, "viewer": 32}
_HEAD: Final = """\
# Rendered by orthancgen from the environment {environment}: change that, not this file.
#
#   orthancgen secrets place {environment} -o secrets
#   ORTHANCGEN_SECRETS=$PWD/secrets docker stack deploy -c stack.yaml --prune {name}
#
# DICOM and HTTPS are published in host mode: a caller's own address is seen, and the node that is called must run the
# service. A node that keeps a database is named by a label:
#   docker node update --label-add {label}.database=true --label-add {label}.postgresql=true NODE
"""


def build(plan: Plan) -> str:
    """The text of stack.yaml."""
    name = project_name(plan.site.environment)
    head = _HEAD.format(environment=comment(plan.site.environment), name=name, label=name)
    return head + yaml.safe_dump(document(plan), sort_keys=False, width=120)


def document(plan: Plan) -> dict[str, Any]:
    """The stack as a mapping."""
    name = project_name(plan.site.environment)
    services = sorted(containers(plan))
    volumes: dict[str, Any] = {_volume(service): {} for service in services if _keeps(plan, service)}
    volumes |= {volume: {} for volume in members.volumes(plan)}
    rendered: dict[str, Any] = {service: _service(plan, service) for service in services}
    if "database" in rendered:
        rendered |= members.services(plan, rendered["database"])
    return {
        "version": "3.9",
        "services": dict(sorted(rendered.items())),
        "networks": _networks(plan),
        **({"volumes": volumes} if volumes else {}),
        "configs": {
            key: {"name": f"{name}-{_digest(key, content)}", "file": f"../{path}"}
            for service in services
            for key, path, content in _configs(plan, service)
        },
        "secrets": {
            f"{service}-{file.name}": {
                "name": f"{name}-{_digest(service, file.name)}-${{{SECRETS_VERSION}:-1}}",
                "file": f"${{{SECRETS_VARIABLE}:-../secrets}}/{service}/{file.name}",
            }
            for service, found in mounts(plan).items()
            for file in found
        },
    }


def _configs(plan: Plan, service: ServiceName) -> list[tuple[str, str, str]]:
    """Key, path in the bundle and content of each rendered file of a service."""
    found = files(plan, service)
    return [(f"{service}-{name}", f"{service}/{name}", content) for name, content in found.items()]


def _digest(*texts: str) -> str:
    """A short name: Swarm takes 64 characters."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:10]


def _service(plan: Plan, service: ServiceName) -> dict[str, Any]:
    uid, gid = users(plan)[service]
    owner = {"uid": str(uid), "gid": str(gid), "mode": _MODE}
    configs = [
        {"source": key, "target": f"{CONFIGURATION_FOLDER}/{key.removeprefix(f'{service}-')}", **owner}
        for key, _, _ in _configs(plan, service)
    ]
    secrets = [{"source": f"{service}-{f.name}", "target": f.target, **owner} for f in mounts(plan)[service]]
    log = plan.site.containers.log
    wanted: dict[str, Any] = {
        "image": compose(image_to_run(plan, service)),
        "init": True,
        "user": f"{uid}:{gid}",
        **_program(plan, service),
        "networks": _joined(plan, service),
        "ports": _published(plan, service),
        "configs": configs,
        "secrets": secrets,
        "volumes": [*_temporary(plan, service), *_data(plan, service)],
        "read_only": True,
        "cap_drop": ["ALL"],
        "stop_grace_period": "60s" if service == "orthanc" else "30s",
        **_health(plan, service),
        "logging": {
            "driver": "json-file",
            "options": {"max-size": f"{log.megabytes}m", "max-file": str(log.files)},
        },
        "deploy": _deploy(plan, service),
    }
    return {key: value for key, value in wanted.items() if value not in ([], {})}


def _program(plan: Plan, service: ServiceName) -> dict[str, Any]:
    site = plan.site
    if service == "orthanc":
        # DCMTK reads TCP_NODELAY: without it, each instance waits 40 ms for Nagle's algorithm.
        variables = {"TCP_NODELAY": "1"}
        if site.scale.orthancs > 1:
            variables[INSTANCE_VARIABLE] = "orthanc-{{.Task.Slot}}"
        return {
            "entrypoint": [image_layout(site.images).program],
            "command": [CONFIGURATION_FOLDER],
            "environment": variables,
        }
    if service == "database" and has_members(plan):
        return members.program(plan)
    if service == "database":
        database = site.backend.database
        return {
            "command": ["--port", str(database.port)],
            "environment": {
                "MONGO_INITDB_ROOT_USERNAME": ROOT_USER,
                "MONGO_INITDB_ROOT_PASSWORD_FILE": f"{SECRETS_FOLDER}/{database.root_password.secret}",
            },
        }
    if service == "postgresql":
        return {"command": postgresql_arguments(plan), "environment": postgresql_environment(plan)}
    program, *arguments = command_of(service)
    return {"entrypoint": [program], "command": arguments}


def _joined(plan: Plan, service: ServiceName) -> list[str]:
    published = bool(_published(plan, service))
    analysis = ["analysis"] if "analysis" in plan.by_name else []
    own = {
        "orthanc": ["backend", *(["index"] if "postgresql" in plan.by_name else []), *analysis],
        "analysis": analysis,
        "postgresql": ["index"],
        "backend": ["backend", *(["database"] if "database" in plan.by_name else []), *analysis],
        "viewer": ["backend"],
        "gateway": ["backend"],
        "database": ["database"],
        "database-account": ["database"],
    }
    # Orthanc calls modalities, and it and the backend a database that is elsewhere: their way out.
    calls_out = service == "orthanc" or (service == "backend" and bool(plan.site.scale.mongodb.hosts))
    return [*(["edge"] if published or calls_out else []), *own[service]]


def _networks(plan: Plan) -> dict[str, Any]:
    fixed, encrypted = addresses(plan.site), plan.site.scale.encrypt_networks
    networks = {
        "edge": _network(fixed.edge, encrypted=encrypted),
        "backend": _network(fixed.backend, encrypted=encrypted, internal=True),
    }
    if "database" in plan.by_name:
        networks["database"] = _network(fixed.database, encrypted=encrypted, internal=True)
    if "analysis" in plan.by_name:
        networks["analysis"] = _network(fixed.analysis, encrypted=encrypted, internal=True)
    if "postgresql" in plan.by_name:
        networks["index"] = _network(None, encrypted=encrypted, internal=True)
    return networks


def _network(network: Network | None, *, encrypted: bool, internal: bool = False) -> dict[str, Any]:
    """An overlay, encrypted between nodes by IPsec or not; without a network, of addresses that Swarm chooses."""
    return {
        "driver": "overlay",
        # Also "false" would encrypt: older engines ask whether the option is there, not what it says.
        **({"driver_opts": {"encrypted": "true"}} if encrypted else {}),
        "internal": internal,
        **({} if network is None else {"ipam": {"config": [{"subnet": network.subnet}]}}),
    }


def _published(plan: Plan, service: ServiceName) -> list[dict[str, Any]]:
    found = plan.by_name.get(service)
    return [
        {"target": one.port, "published": one.port, "protocol": "tcp", "mode": "host"}
        for one in sorted(found.listeners if found else (), key=lambda one: one.port)
        # A node's port is on every address of it: what is for the host alone has none.
        if not is_loopback(one.address)
    ]


def _temporary(plan: Plan, service: ServiceName) -> list[dict[str, Any]]:
    megabytes = analysis_megabytes(plan) if service == "analysis" else _TEMPORARY_MEGABYTES.get(service, 16)
    folders = {"/tmp": megabytes}  # noqa: S108
    folders |= {"/data/configdb": 16} if service == "database" else {}
    folders |= {"/var/run/postgresql": 16} if service == "postgresql" else {}
    return [
        {"type": "tmpfs", "target": path, "tmpfs": {"size": megabytes << 20}} for path, megabytes in folders.items()
    ]


def _volume(service: ServiceName) -> str:
    return STORAGE_VOLUME if service == "orthanc" else f"{service}-data"


def _keeps(plan: Plan, service: ServiceName) -> bool:
    """Whether a service has a volume of its own on the node where it runs."""
    if service == "orthanc":
        return plan.site.scale.storage == "folder" and plan.site.orthanc.storage.path is None
    return service in ("database", "postgresql")


def _data(plan: Plan, service: ServiceName) -> list[dict[str, Any]]:
    storage, folder = plan.site.orthanc.storage, image_layout(plan.site.images).storage
    if service == "orthanc" and not _keeps(plan, service):
        if plan.site.scale.storage in ("postgresql", "object_storage"):
            return [{"type": "tmpfs", "target": folder, "tmpfs": {"size": 1 << 30}}]
        return [{"type": "bind", "source": compose(storage.path or ""), "target": folder}]
    if service == "analysis":
        # Of the node, as the folder of images is: every node mounts it.
        return [
            {"type": "bind", "source": compose(folder_of(card)), "target": f"{MODELS_FOLDER}/{name}", "read_only": True}
            for name, card in plan.site.analysis.models.items()
        ]
    if not _keeps(plan, service):
        return []
    targets = {"orthanc": folder, "database": DATABASE_FOLDER, "postgresql": POSTGRESQL_FOLDER}
    return [{"type": "volume", "source": _volume(service), "target": targets[service]}]


def _health(plan: Plan, service: ServiceName) -> dict[str, Any]:
    if service == "database-account":
        return {}
    test = ["CMD", "bash", f"{CONFIGURATION_FOLDER}/health.sh"]
    if service == "postgresql":
        database = plan.site.scale.postgresql
        asked = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(database.port)]
        test = ["CMD", *asked, "-U", database.user, "-d", database.name]
    elif service == "analysis":
        url = f"http://127.0.0.1:{plan.site.analysis.port}/healthz"
        asked = ["/opt/analysis/bin/python3", "-I", "-c"]
        test = ["CMD", *asked, f"import urllib.request as it; it.urlopen('{url}', timeout=4)"]
    elif service in ("backend", "viewer"):
        port = plan.site.backend.port if service == "backend" else plan.site.viewer.port
        look = f"fetch('http://127.0.0.1:{port}/healthz')"
        test = ["CMD", "node", "-e", f"{look}.then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
    return {
        "healthcheck": {"test": test, "interval": "5s", "timeout": "5s", "retries": 6, "start_period": "120s"},
    }


def _deploy(plan: Plan, service: ServiceName) -> dict[str, Any]:
    scale, limits = plan.site.scale, plan.site.containers.limits
    limit = limits.database if service == "postgresql" else limits.backend
    if service not in ("postgresql", "database-account"):
        limit = getattr(limits, service)
    count = {"orthanc": scale.orthancs, "backend": scale.backends}.get(service, 1)
    once = service == "database-account"
    name = project_name(plan.site.environment)
    kept = _keeps(plan, service)
    placement: dict[str, Any] = {"preferences": [{"spread": "node.id"}]}
    if kept:
        # Its volume is of one node.
        placement["constraints"] = [f"node.labels.{name}.{service} == true"]
    if service == "orthanc" and count > 1:
        # Its port is the node's own.
        placement["max_replicas_per_node"] = 1
    return {
        "replicas": count,
        # By the addresses of its tasks: a virtual one needs IPVS in the kernel, and gains nothing here.
        "endpoint_mode": "dnsrr",
        "placement": placement,
        "resources": {
            "limits": {
                "cpus": str(limit.cpus),
                "memory": f"{limit.memory_megabytes}M",
                "pids": limit.processes,
            },
        },
        "restart_policy": {"condition": "on-failure" if once else "any", "delay": "2s"},
        # What has a port of the node, or a volume, must go before its follower comes.
        "update_config": {"parallelism": 1, "order": "stop-first", "failure_action": "rollback"},
        "labels": {LABEL: plan.site.environment},
    }
