"""What runs in the containers of several hosts: commands, rendered files, and the PostgreSQL of the index. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render import (
    account_json,
    analysis_json,
    backend_json,
    haproxy_cfg,
    health_sh,
    member_sh,
    orthanc_json,
    viewer_json,
)
from orthancgen.render.container_files import CONFIGURATION_FOLDER, SECRETS_FOLDER
from orthancgen.render.engine import render_template
from orthancgen.render.replica_set import has_members

POSTGRESQL_FOLDER: Final = "/var/lib/postgresql/data"
"""Volume of the image postgres. https://hub.docker.com/_/postgres"""
_ANALYSIS_MEGABYTES: Final = 32
_ASK_AFTER_SECONDS, _ASK_AGAIN_SECONDS, _ASK_TIMES = 5, 2, 3
"""When PostgreSQL asks whether a silent client is still there. By the kernel's values it first does so after two hours:
until then, an Orthanc whose host has lost its power in the middle of a transaction keeps every other from storing.
https://www.postgresql.org/docs/current/runtime-config-connection.html#RUNTIME-CONFIG-TCP-SETTINGS"""
_COMMANDS: Final[Mapping[ServiceName, tuple[str, ...]]] = {
    "gateway": ("haproxy", "-W", "-db", "-f", f"{CONFIGURATION_FOLDER}/haproxy.cfg"),
    "backend": ("node", "/app/server.mjs", "--config", f"{CONFIGURATION_FOLDER}/backend.json"),
    "viewer": ("node", "/app/server.mjs", "--config", f"{CONFIGURATION_FOLDER}/viewer.json"),
    "analysis": (
        *("/opt/analysis/bin/python3", "-I", "-m", "orthancgen_analysis"),
        *("--config", f"{CONFIGURATION_FOLDER}/analysis.json"),
    ),
    "database-account": ("node", "/app/account.mjs", "--config", f"{CONFIGURATION_FOLDER}/account.json"),
}


def command_of(service: ServiceName) -> tuple[str, ...]:
    """Program and arguments of a service of orthancgen's own.

    Raises:
        KeyError: it is none of them.
    """
    return _COMMANDS[service]


def files(plan: Plan, service: ServiceName) -> dict[str, str]:
    """The rendered files of a service: name -> text."""
    if service == "orthanc":
        return {
            "orthanc.json": orthanc_json.build(plan),
            "orthancgen.lua": render_template("orthanc/orthancgen.lua"),
            "health.sh": health_sh.orthanc(plan),
        }
    if service == "gateway":
        return {"haproxy.cfg": haproxy_cfg.build(plan), "health.sh": health_sh.gateway(plan)}
    if service == "database":
        started = {member_sh.SCRIPT: member_sh.build(plan)} if has_members(plan) else {}
        return {"health.sh": health_sh.database(plan), **started}
    built = {
        "backend": ("backend.json", backend_json.build),
        "viewer": ("viewer.json", viewer_json.build),
        "analysis": ("analysis.json", analysis_json.build),
        "database-account": ("account.json", account_json.build),
    }
    name, build = built.get(service, (None, None))
    return {} if name is None or build is None else {name: build(plan)}


def analysis_megabytes(plan: Plan) -> int:
    """Size of the analysis' /tmp, the container's memory: a study for each analysis at a time, and some more."""
    said = plan.site.analysis
    return _ANALYSIS_MEGABYTES + said.workers * said.study_megabytes


def postgresql_arguments(plan: Plan) -> list[str]:
    """What the server is started with: port, connections for every Orthanc and a few for people, and patience."""
    scale = plan.site.scale
    connections = scale.orthancs * (scale.postgresql.connections + 2) + 20
    settings = {
        "port": scale.postgresql.port,
        "max_connections": max(100, connections),
        "tcp_keepalives_idle": _ASK_AFTER_SECONDS,
        "tcp_keepalives_interval": _ASK_AGAIN_SECONDS,
        "tcp_keepalives_count": _ASK_TIMES,
        # The same patience where an answer was sent, and the client does not say that it has it; in milliseconds.
        "tcp_user_timeout": (_ASK_AFTER_SECONDS + _ASK_AGAIN_SECONDS * _ASK_TIMES) * 1000,
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def postgresql_environment(plan: Plan) -> dict[str, str]:
    """The variables of the image postgres (https://hub.docker.com/_/postgres)."""
    database = plan.site.scale.postgresql
    return {
        "POSTGRES_USER": database.user,
        "POSTGRES_DB": database.name,
        "POSTGRES_PASSWORD_FILE": f"{SECRETS_FOLDER}/{database.password.secret}",
        "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --encoding=UTF8 --locale=C",
        "PGDATA": f"{POSTGRESQL_FOLDER}/data",
    }
