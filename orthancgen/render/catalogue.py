"""Every artifact, one row each; ``render(plan)`` runs them all."""

from __future__ import annotations

import hashlib
from typing import Final

from orthancgen import __version__
from orthancgen.firewall.catalogue import DIALECTS, require_expressed
from orthancgen.firewall.dialect import Dialect, RuleFile
from orthancgen.firewall.policy import policy
from orthancgen.plan.gateway import has_gateway
from orthancgen.plan.model import Plan
from orthancgen.render import (
    account_json,
    analysis_json,
    backend_json,
    compose_yaml,
    grafana_json,
    haproxy_cfg,
    health_sh,
    member_sh,
    orthanc_json,
    prometheus_yml,
    rules_yml,
    site_json,
    supervisor_conf,
    verify_compose,
    viewer_json,
    windows,
)
from orthancgen.render.artifact import Artifact, Bundle, File
from orthancgen.render.engine import render_template
from orthancgen.render.kubernetes import catalogue as kubernetes
from orthancgen.render.quoting import json_document
from orthancgen.render.replica_set import has_members
from orthancgen.render.swarm import stack

MANIFEST: Final = "MANIFEST.json"


def _is_compose(plan: Plan) -> bool:
    return plan.site.runtime == "compose"


def _has_containers(plan: Plan) -> bool:
    return plan.site.runtime != "native"


def _has_containers_of_database(plan: Plan) -> bool:
    return _has_containers(plan) and "database" in plan.by_name


def _prometheus(plan: Plan) -> bool:
    return plan.site.observability.prometheus


def _grafana(plan: Plan) -> bool:
    return plan.site.observability.grafana


def _rules(dialect: Dialect, file: RuleFile) -> Artifact:
    return Artifact(
        f"firewall/{dialect.name}/{file.path}",
        lambda plan: file.build(plan, policy(plan)),
        wanted=lambda plan: dialect.name in plan.site.network.firewall and file.wanted(plan),
        mode=file.mode,
    )


CATALOGUE: Final[tuple[Artifact, ...]] = (
    Artifact("orthanc/orthanc.json", orthanc_json.build, ("orthanc",)),
    Artifact("orthanc/orthancgen.lua", lambda _: render_template("orthanc/orthancgen.lua"), ("orthanc",)),
    Artifact("orthanc/health.sh", health_sh.orthanc, ("orthanc",), _has_containers),
    Artifact("backend/backend.json", backend_json.build, ("backend",), lambda plan: plan.site.backend.enabled),
    Artifact("analysis/analysis.json", analysis_json.build, ("analysis",), lambda plan: plan.site.analysis.enabled),
    Artifact("viewer/viewer.json", viewer_json.build, ("viewer",), lambda plan: plan.site.viewer.enabled),
    Artifact("database-account/account.json", account_json.build, ("database-account",), _has_containers_of_database),
    Artifact("database/health.sh", health_sh.database, ("database",), _has_containers_of_database),
    Artifact(f"database/{member_sh.SCRIPT}", member_sh.build, ("database",), has_members),
    Artifact("gateway/haproxy.cfg", haproxy_cfg.build, ("gateway",), lambda plan: has_gateway(plan.site)),
    Artifact("gateway/health.sh", health_sh.gateway, ("gateway",), lambda plan: has_gateway(plan.site)),
    Artifact("compose.yaml", compose_yaml.build, (), _is_compose),
    *kubernetes.ARTIFACTS,
    Artifact("swarm/stack.yaml", stack.build, wanted=lambda plan: plan.site.runtime == "swarm"),
    Artifact("supervisord.conf", supervisor_conf.build, (), lambda plan: plan.site.runtime == "native"),
    Artifact("prometheus/prometheus.yml", prometheus_yml.whole, (), _prometheus),
    Artifact("prometheus/scrape.yml", prometheus_yml.part, (), _prometheus),
    Artifact("prometheus/rules.yml", rules_yml.rules, (), _prometheus),
    Artifact("prometheus/rules_test.yml", rules_yml.tests, (), _prometheus),
    Artifact("grafana/dashboard.json", grafana_json.dashboard, (), _grafana),
    Artifact("grafana/provisioning.yml", grafana_json.provisioning, (), _grafana),
    Artifact("verify/compose.yaml", verify_compose.build, (), _prometheus),
    Artifact("windows/orthanc.json", windows.orthanc, wanted=windows.is_wanted),
    Artifact("windows/backend.json", windows.program("backend"), wanted=windows.has("backend")),
    Artifact("windows/viewer.json", windows.program("viewer"), wanted=windows.has("viewer")),
    Artifact("windows/install.ps1", windows.script("install.ps1"), wanted=windows.is_wanted),
    Artifact("windows/uninstall.ps1", windows.script("uninstall.ps1"), wanted=windows.is_wanted),
    *(_rules(dialect, file) for dialect in DIALECTS.values() for file in dialect.files),
    Artifact(site_json.SITE_FILE, site_json.build),
)


def render(plan: Plan) -> Bundle:
    """The bundle of a plan: same plan, same bytes.

    Raises:
        RenderError: a syntax cannot carry a value, or a firewall not everything that is wanted.
    """
    require_expressed(plan)
    files = tuple(
        File(artifact.path, artifact.build(plan).encode("utf-8"), artifact.mode, artifact.services)
        for artifact in CATALOGUE
        if artifact.wanted(plan)
    )
    return Bundle((*files, _manifest(plan, files)))


def _manifest(plan: Plan, files: tuple[File, ...]) -> File:
    document = {
        "generator": f"orthancgen {__version__}",
        "environment": plan.site.environment,
        "kind": plan.site.kind,
        "orthanc": str(plan.version),
        "files": {file.path: f"sha256:{hashlib.sha256(file.content).hexdigest()}" for file in files},
    }
    return File(MANIFEST, json_document(document).encode("ascii"), 0o644, ())
