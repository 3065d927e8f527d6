"""prometheus/: what Prometheus scrapes of a site, as a whole configuration and as a part for one that exists.

https://prometheus.io/docs/prometheus/latest/configuration/configuration/. Files that a configuration names are relative
to it: the credentials lie in ``secrets/`` beside it, where ``orthancgen monitoring ENV -o FOLDER`` puts them.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from orthancgen.plan.build import METRICS_ACCOUNT
from orthancgen.plan.model import Plan
from orthancgen.plan.scraped import Target, server_name, targets

SECRETS_FOLDER: Final = "secrets"
SCRAPE_SECONDS: Final = 30
_HEAD: Final = "# Rendered by orthancgen from the environment {environment}: change that, not this file.\n"


def whole(plan: Plan) -> str:
    """The text of prometheus.yml: for a Prometheus of its own."""
    document = {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": scrape_configs(plan),
    }
    return _text(plan, document)


def part(plan: Plan) -> str:
    """The text of scrape.yml: named under `scrape_config_files` of a Prometheus that exists (2.43 and newer)."""
    return _text(plan, {"scrape_configs": scrape_configs(plan)})


def scrape_configs(plan: Plan) -> list[dict[str, Any]]:
    """What is scraped, one job a service."""
    return [_job(plan, target) for target in targets(plan.site)]


def secret_files(plan: Plan) -> tuple[str, ...]:
    """The secrets that Prometheus reads, each a file of its name in `secrets/`."""
    said = plan.site.observability
    found = []
    for target in targets(plan.site):
        if target.service == "orthanc":
            found.append(said.orthanc_password.secret)
        elif target.service == "backend":
            found.append(said.backend_token.secret)
        if target.https and _authority(plan) is not None and _authority(plan) not in found:
            found.append(plan.site.http.tls.authority.secret)
    return tuple(found)


def _authority(plan: Plan) -> str | None:
    name = plan.site.http.tls.authority.secret
    return name if any(secret.name == name for secret in plan.secrets) else None


def _job(plan: Plan, target: Target) -> dict[str, Any]:
    site, said = plan.site, plan.site.observability
    job: dict[str, Any] = {
        "job_name": f"orthancgen-{site.environment}-{target.service}",
        "metrics_path": target.path,
        "scheme": "https" if target.https else "http",
        "static_configs": [
            {
                "targets": [f"{target.host}:{target.port}"],
                "labels": {"environment": site.environment, "service": target.service},
            }
        ],
    }
    if target.https:
        job["tls_config"] = {
            **({"ca_file": f"{SECRETS_FOLDER}/{_authority(plan)}"} if _authority(plan) else {}),
            **({"server_name": server_name(site)} if server_name(site) else {}),
        }
    if target.service == "orthanc":
        password = f"{SECRETS_FOLDER}/{said.orthanc_password.secret}"
        # Orthanc writes its own clock beside each value: taken for the time, values would outlive a stopped server.
        job["honor_timestamps"] = False
        job["basic_auth"] = {"username": METRICS_ACCOUNT, "password_file": password}
    elif target.service == "backend":
        token = f"{SECRETS_FOLDER}/{said.backend_token.secret}"
        job["authorization"] = {"type": "Bearer", "credentials_file": token}
    else:
        # The host's own metrics are whose who runs the host; this site's are kept, and no other's on the same host.
        job["honor_labels"] = True
        job["metric_relabel_configs"] = [
            {"source_labels": ["__name__"], "regex": "orthancgen_.*", "action": "keep"},
            {"source_labels": ["environment"], "regex": site.environment, "action": "keep"},
        ]
    return job


def _text(plan: Plan, document: dict[str, Any]) -> str:
    head = _HEAD.format(environment=plan.site.environment)
    return head + yaml.safe_dump(document, sort_keys=False, width=120)
