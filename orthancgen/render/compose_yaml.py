"""compose.yaml: the containers, their networks and volumes. Built as data; the comments are for those who review it.

Compose specification: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

import yaml

from orthancgen.plan.addresses import ContainerAddresses, Network, addresses
from orthancgen.plan.images import image_to_run, is_own
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.account_json import ROOT_USER
from orthancgen.render.container_files import (
    CONFIGURATION_FOLDER,
    SECRETS_FOLDER,
    Volume,
    containers,
    folder_variable,
    mounts,
    project_name,
    users,
    volumes,
)
from orthancgen.render.image_layouts import image_layout
from orthancgen.render.layout import MODELS_FOLDER
from orthancgen.render.quoting import comment, compose
from orthancgen.site.types import parse_ip

__all__ = ["build", "document", "mounts", "users", "volumes"]

LABEL: Final = "org.orthancgen.environment"
MONGO_PORT: Final = 27017
"""The port on which the image mongo listens when nothing is said."""
_KEY_ORDER: Final = (
    "image", "depends_on", "volumes", "secrets", "environment", "ports", "networks", "command", "entrypoint", "restart",
    "healthcheck", "logging", "labels", "user",
)  # fmt: skip
"""Customary order of a service's keys; all others follow in the order of the alphabet.
https://github.com/zavoloklom/docker-compose-linter/blob/main/docs/rules/service-keys-order-rule.md"""
_FILES: Final[Mapping[ServiceName, tuple[str, ...]]] = {
    "database": ("health.sh",),
    "orthanc": ("orthanc.json", "orthancgen.lua", "health.sh"),
    "backend": ("backend.json",),
    "gateway": ("haproxy.cfg", "health.sh"),
    "viewer": ("viewer.json",),
    "analysis": ("analysis.json",),
    "database-account": ("account.json",),
}
"""What each container finds in its folder of configuration."""
_OPEN_FILES: Final = 16_384
"""Most open files: far more than any of them needs, and less than what an engine itself may be held to."""
_TEMPORARY_MEGABYTES: Final[Mapping[ServiceName, int]] = {
    "database": 64,
    "orthanc": 512,
    "backend": 64,
    "gateway": 16,
    "viewer": 32,
    "analysis": 32,  # and a study for each analysis
    "database-account": 16,
}
"""Size of /tmp, which is memory of the container; Orthanc builds the archives there that a job makes."""
_STOP: Final[Mapping[ServiceName, tuple[str, int]]] = {
    "database": ("SIGTERM", 30),
    "orthanc": ("SIGTERM", 60),  # Orthanc finishes its queue of events first
    "backend": ("SIGTERM", 15),
    "viewer": ("SIGTERM", 15),
    "analysis": ("SIGTERM", 15),
    "gateway": ("SIGUSR1", 15),  # haproxy's soft stop: open connections may end
    "database-account": ("SIGTERM", 10),
}
"""Signal that ends a container in order, and how many seconds it gets for that."""
_START_SECONDS: Final[Mapping[ServiceName, int]] = {
    "database": 120,
    "orthanc": 120,
    "backend": 60,
    "viewer": 30,
    "analysis": 60,
    "gateway": 30,
}
"""How long a container may take until its failures count."""
HEAD: Final = """\
Rendered by orthancgen from the environment {environment}: change that, not this file.

{number} networks, so that nobody reaches more than it needs:
  edge      reached from outside: what is published on the host is published from here
  backend   Orthanc, the backend, the viewer and the gateway among themselves; no way out
  database  the backend and its database; no way out
{analysis}
Every container reads one folder that never changes once it is written; another content is another folder, so that
Compose replaces that container alone. Without the variables, the folders beside this file are read: each needs a
folder `secrets` with the files that are named at the end of this file, owned by the container's user, mode 0400."""


def build(plan: Plan) -> str:
    """The text of compose.yaml.

    Raises:
        RenderError: a value has a character that YAML or Compose cannot carry.
    """
    built = document(plan)
    parts = [
        _comment(_head(plan)),
        _yaml({"name": built["name"]}),
        "services:",
        *(
            _indented(_commented({name: built["services"][name]}, _flows(plan, name)))
            for name in sorted(containers(plan))
        ),
        _yaml({key: built[key] for key in ("networks", "volumes", "secrets")}),
    ]
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def _head(plan: Plan) -> str:
    has = "analysis" in plan.by_name
    line = "  analysis  the analysis, the backend that asks it and Orthanc; no way out\n"
    return HEAD.format(
        environment=comment(plan.site.environment), number="Four" if has else "Three", analysis=line if has else ""
    )


def document(plan: Plan) -> dict[str, Any]:
    """The compose file as a mapping."""
    environment = plan.site.environment
    return {
        "name": project_name(environment),
        "services": {name: _service(plan, name) for name in sorted(containers(plan))},
        "networks": _networks(plan),
        "volumes": {volume.name: _volume(plan, volume) for volume in volumes(plan)},
        "secrets": {
            f"{service}-{file.name}": {"file": f"{_folder(service)}/secrets/{file.name}"}
            for service, files in mounts(plan).items()
            if service != "database-account"
            for file in files
        },
    }


def _labels(plan: Plan) -> dict[str, str]:
    return {LABEL: plan.site.environment}


def _service(plan: Plan, name: ServiceName) -> dict[str, Any]:
    uid, gid = users(plan)[name]
    temporary = f"size={_temporary_megabytes(plan, name)}m,mode=0700,uid={uid},gid={gid},noexec,nosuid,nodev"
    signal, seconds = _STOP[name]
    service: dict[str, Any] = {
        "image": compose(image_to_run(plan, name)),
        **({"pull_policy": "never"} if is_own(plan.site, name) else {}),
        **_program(plan, name),
        "user": f"{uid}:{gid}",
        "networks": _joined(plan, name),
        "ports": _published(plan, name),
        "volumes": [*_files(name), *_data(plan, name)],
        "secrets": [
            {"source": f"{name}-{file.name}", "target": file.target}
            for file in mounts(plan)[name]
            if name != "database-account"
        ],
        "read_only": True,
        "tmpfs": [f"/tmp:{temporary}", *([f"/data/configdb:{temporary}"] if name == "database" else [])],  # noqa: S108
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        **_limits(plan, name),
        "logging": _logging(plan, name),
        "stop_signal": signal,
        "stop_grace_period": f"{seconds}s",
        **_lifetime(plan, name),
        "labels": _labels(plan),
    }
    return {key: service[key] for key in sorted(service, key=_rank) if service[key] not in ([], {})}


def _temporary_megabytes(plan: Plan, name: ServiceName) -> int:
    said = plan.site.analysis
    return _TEMPORARY_MEGABYTES[name] + (said.workers * said.study_megabytes if name == "analysis" else 0)


def _rank(key: str) -> tuple[int, str]:
    return (_KEY_ORDER.index(key) if key in _KEY_ORDER else len(_KEY_ORDER), key)


def _program(plan: Plan, name: ServiceName) -> dict[str, Any]:
    database = plan.site.backend.database
    if name == "orthanc":
        # DCMTK reads TCP_NODELAY: without it, each instance waits 40 ms for Nagle's algorithm.
        return {
            "init": True,
            "entrypoint": [image_layout(plan.site.images).program],
            "command": [CONFIGURATION_FOLDER],
            "environment": {"TCP_NODELAY": "1"},
        }
    if name == "database":
        return {
            "init": True,
            **({"command": ["--port", str(database.port)]} if database.port != MONGO_PORT else {}),
            "environment": {
                "MONGO_INITDB_ROOT_USERNAME": ROOT_USER,
                "MONGO_INITDB_ROOT_PASSWORD_FILE": f"{SECRETS_FOLDER}/{database.root_password.secret}",
            },
        }
    commands = {
        "gateway": ["haproxy", "-W", "-db", "-f", f"{CONFIGURATION_FOLDER}/haproxy.cfg"],
        "backend": ["node", "/app/server.mjs", "--config", f"{CONFIGURATION_FOLDER}/backend.json"],
        "viewer": ["node", "/app/server.mjs", "--config", f"{CONFIGURATION_FOLDER}/viewer.json"],
        "analysis": [
            *("/opt/analysis/bin/python3", "-I", "-m", "orthancgen_analysis"),
            *("--config", f"{CONFIGURATION_FOLDER}/analysis.json"),
        ],
        "database-account": ["node", "/app/account.mjs", "--config", f"{CONFIGURATION_FOLDER}/account.json"],
    }
    return {"init": True, "entrypoint": commands[name][:1], "command": commands[name][1:]}


def _joined(plan: Plan, name: ServiceName) -> dict[str, Any]:
    fixed = addresses(plan.site)
    asked = {"analysis": None} if "analysis" in plan.by_name else {}
    if name == "orthanc":
        return {"edge": None, "backend": {"ipv4_address": fixed.orthanc}, **asked}
    if name == "gateway":
        return {"edge": None, "backend": {"ipv4_address": fixed.gateway}}
    if name == "backend":
        # A network without a way out cannot publish a port.
        published = {} if plan.site.http.tls.enabled else {"edge": None}
        return {**published, "backend": None, "database": None, **asked}
    if name == "analysis":
        return asked
    if name == "viewer":
        published = {} if plan.site.http.tls.enabled else {"edge": None}
        return {**published, "backend": None}
    return {"database": None}


def _published(plan: Plan, name: ServiceName) -> list[dict[str, Any]]:
    service = plan.by_name.get(name)
    return [
        {
            "name": listener.name.lower().replace(" ", "-"),
            "target": listener.port,
            "host_ip": str(parse_ip(listener.address)),
            "published": str(listener.port),
            "protocol": "tcp",
        }
        for listener in sorted(service.listeners if service else (), key=lambda one: str(one.port))
    ]


def _folder(service: ServiceName) -> str:
    return f"${{{folder_variable(service)}:-./{service}}}"


def _bind(source: str, target: str) -> dict[str, Any]:
    return {
        "type": "bind",
        "source": source,
        "target": target,
        "read_only": True,
        "bind": {"create_host_path": False},
    }


def _files(name: ServiceName) -> Iterable[dict[str, Any]]:
    for file in _FILES[name]:
        yield _bind(f"{_folder(name)}/{file}", f"{CONFIGURATION_FOLDER}/{file}")
    if name == "database-account":
        # The whole folder: the previous password lies there only while it is being changed.
        yield _bind(f"{_folder(name)}/secrets", SECRETS_FOLDER)


def _data(plan: Plan, name: ServiceName) -> Iterable[dict[str, Any]]:
    if name == "analysis":
        for model, card in plan.site.analysis.models.items():
            yield _bind(compose(str(PurePosixPath(card).parent)), f"{MODELS_FOLDER}/{model}")
    for volume in volumes(plan):
        if volume.service == name:
            # The image's own content would be copied into an empty volume, with the image's owner.
            yield {"type": "volume", "source": volume.name, "target": volume.target, "volume": {"nocopy": True}}


def _limits(plan: Plan, name: ServiceName) -> dict[str, Any]:
    limits = plan.site.containers.limits
    limit = limits.backend if name == "database-account" else getattr(limits, name)
    memory = f"{limit.memory_megabytes}m"
    return {
        "mem_limit": memory,
        "memswap_limit": memory,
        "cpus": int(limit.cpus) if limit.cpus == int(limit.cpus) else limit.cpus,
        "pids_limit": limit.processes,
        "ulimits": {"nofile": {"soft": _OPEN_FILES, "hard": _OPEN_FILES}},
    }


def _logging(plan: Plan, name: ServiceName) -> dict[str, Any]:
    log = plan.site.containers.log
    options = {"max-size": f"{log.megabytes}m", "max-file": str(log.files)}
    if plan.site.observability.logs.host is not None:
        # By the tag whoever sends the logs on knows whose they are: the container's name is project-service-number.
        options["tag"] = f"{project_name(plan.site.environment)}.{name}"
    return {"driver": "json-file", "options": options}


def _lifetime(plan: Plan, name: ServiceName) -> dict[str, Any]:
    if name == "database-account":
        return {"profiles": ["setup"], "restart": "no", "depends_on": _healthy("database")}
    return {
        # Up again after a restart of the host, which `on-failure` does not promise.
        "restart": "unless-stopped",
        "depends_on": _healthy(*plan.service(name).needs),
        "healthcheck": {
            "test": ["CMD", *_health(plan, name)],
            "interval": "5s",
            "timeout": "5s",
            "retries": 6,
            "start_period": f"{_START_SECONDS[name]}s",
        },
    }


def _health(plan: Plan, name: ServiceName) -> list[str]:
    if name == "analysis":
        url = f"http://127.0.0.1:{plan.site.analysis.port}/healthz"
        return ["/opt/analysis/bin/python3", "-I", "-c", f"import urllib.request as it; it.urlopen('{url}', timeout=4)"]
    if name not in ("backend", "viewer"):
        return ["bash", f"{CONFIGURATION_FOLDER}/health.sh"]
    # Alive, not ready: the backend outlives a restart of Orthanc or the database, and must not count as broken then.
    port = plan.site.backend.port if name == "backend" else plan.site.viewer.port
    url = f"http://127.0.0.1:{port}/healthz"
    return ["node", "-e", f"fetch('{url}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]


def _healthy(*names: ServiceName) -> dict[str, Any]:
    return {name: {"condition": "service_healthy"} for name in names}


def _networks(plan: Plan) -> dict[str, Any]:
    fixed: ContainerAddresses = addresses(plan.site)
    networks = {"edge": _network(plan, fixed.edge), "backend": _network(plan, fixed.backend, internal=True)}
    if "database" in plan.by_name:
        networks["database"] = _network(plan, fixed.database, internal=True)
    if "analysis" in plan.by_name:
        networks["analysis"] = _network(plan, fixed.analysis, internal=True)
    return networks


def _network(plan: Plan, network: Network, *, internal: bool = False) -> dict[str, Any]:
    return {
        "driver": "bridge",
        "internal": internal,
        "ipam": {"config": [{"subnet": network.subnet, "gateway": network.host, "ip_range": network.chosen_from}]},
        "labels": _labels(plan),
    }


def _volume(plan: Plan, volume: Volume) -> dict[str, Any]:
    labels = {"labels": _labels(plan)}
    if volume.host_folder is None:
        return labels
    options = {"type": "none", "o": "bind", "device": compose(volume.host_folder)}
    return {"driver": "local", "driver_opts": options, **labels}


def _flows(plan: Plan, name: ServiceName) -> list[str]:
    """Who may reach a service, and why."""
    if name == "database-account":
        return ["Runs once: docker compose run --rm database-account"]
    reached = [f"{flow.source} -> {flow.port}: {flow.reason}" for flow in plan.flows if flow.service == name]
    return [plan.service(name).title, *reached]


def _yaml(value: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(value), sort_keys=False, width=120)


def _comment(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())


def _commented(value: Mapping[str, Any], lines: Iterable[str]) -> str:
    return "\n".join([*(f"# {comment(line)}" for line in lines), _yaml(value)])


def _indented(text: str) -> str:
    return textwrap.indent(text, "  ")
