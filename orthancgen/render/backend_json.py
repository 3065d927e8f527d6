"""backend.json: what the Node.js backend needs to know; credentials are named by file, relative to this one."""

from __future__ import annotations

import math
from typing import Any, Final

from orthancgen.plan.addresses import LOOPBACK, behind_networks
from orthancgen.plan.build import BACKEND_ACCOUNT
from orthancgen.plan.model import Plan
from orthancgen.plan.reached import browsers_come_by_https
from orthancgen.render.container_files import CONFIGURATION_FOLDER, PEOPLE_FILE
from orthancgen.render.layout import layout_of
from orthancgen.render.quoting import json_document
from orthancgen.render.replica_set import document, members
from orthancgen.site.analysis_checks import providers

DATABASE_USER = "orthancgen_backend"
_MORE_SECONDS: Final = 60
"""How much longer than the analysis itself its answer is waited for."""


def build(plan: Plan) -> str:
    """The text of backend.json."""
    return json_document(configuration(plan))


def configuration(plan: Plan) -> dict[str, Any]:
    """The configuration as a mapping."""
    site, layout = plan.site, layout_of(plan)
    backend = site.backend
    # In containers the gateway ends TLS, and the two speak over a network of their own.
    https = site.http.tls.enabled and site.runtime == "native"
    scheme = "https" if https else "http"
    credentials = [
        {
            "name": "operator",
            "role": "administrator",
            "token_file": f"{layout.credentials}/{backend.operator_token.secret}",
        }
    ]
    if site.webhook.enabled:
        credentials.insert(
            0, {"name": "orthanc", "role": "webhook", "token_file": f"{layout.credentials}/{site.webhook.token.secret}"}
        )
    if site.observability.prometheus:
        token = site.observability.backend_token.secret
        credentials.append({"name": "prometheus", "role": "monitor", "token_file": f"{layout.credentials}/{token}"})
    return {
        "environment": {"name": site.environment, "kind": site.kind},
        "listen": {"host": layout.inner_address or backend.listen_on, "port": backend.port},
        "orthanc": {
            "url": f"{scheme}://{layout.orthanc_host}:{site.http.port}",
            "username": BACKEND_ACCOUNT,
            "password_file": f"{layout.credentials}/{backend.orthanc_password.secret}",
            "ca_file": f"{layout.credentials}/{site.http.tls.authority.secret}" if https else None,
            **({"shared_index": True} if site.scale.index == "postgresql" else {}),
        },
        "database": _database(plan),
        "credentials": credentials,
        **_people(plan),
        **_analysis(plan),
        "delivery": backend.delivery.model_dump(),
    }


def _database(plan: Plan) -> dict[str, Any]:
    """One server, or the members of a replica set: with several, whoever is the primary is asked."""
    site, layout = plan.site, layout_of(plan)
    said, found = site.scale.mongodb, members(site)
    authority = None if said.authority is None else f"{layout.credentials}/{said.authority.secret}"
    return {
        "host": found[0].host if found else layout.database_host,
        "port": found[0].port if found else site.backend.database.port,
        **document(site),
        "name": site.backend.database.name,
        "username": said.user if said.hosts else DATABASE_USER,
        "password_file": f"{layout.credentials}/{site.backend.database.password.secret}",
        **({"auth_source": said.auth_source} if said.auth_source is not None else {}),
        "direct_connection": not found,
        **({"tls": True} if said.tls else {}),
        "tls_ca_file": authority,
    }


def _analysis(plan: Plan) -> dict[str, Any]:
    """Who analyses, with one token for all: they are one service."""
    said, layout = plan.site.analysis, layout_of(plan)
    if not said.enabled:
        return {}
    names = providers(plan.site)
    return {
        "analysis": {
            "providers": [
                {
                    "id": name,
                    "url": f"http://{layout.analysis_host}:{said.port}/{name}",
                    "token_file": f"{layout.credentials}/{said.token.secret}",
                    # Each waits its turn while the service is at work for the others.
                    "timeout_seconds": said.seconds * math.ceil(len(names) / said.workers) + _MORE_SECONDS,
                }
                for name in names
            ],
            "on_arrival": list(dict.fromkeys(said.on_arrival)),
            "store_sr": said.store_sr,
            "quiet_seconds": said.quiet_seconds,
        }
    }


def _people(plan: Plan) -> dict[str, Any]:
    """Who may log in, and whose word about a caller's address counts: that of the viewer, which stands in front."""
    site = plan.site
    if not site.viewer.enabled:
        return {}
    native = site.runtime == "native"
    return {
        "trusted_proxies": [LOOPBACK] if native else list(behind_networks(site)),
        "people": {
            "file": PEOPLE_FILE if native else f"{CONFIGURATION_FOLDER}/{PEOPLE_FILE}",
            "secure_cookies": browsers_come_by_https(plan.site),
            "idle_minutes": site.viewer.idle_minutes,
            "longest_hours": site.viewer.longest_hours,
        },
        "reports": {
            "store_to_orthanc": site.reports.store_to_orthanc,
            "language": site.reports.language,
            "institution": site.reports.institution,
        },
    }
