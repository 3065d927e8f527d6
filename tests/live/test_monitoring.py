"""A real Prometheus scrapes a real site on the files that are handed to it, and knows what was asked for."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from orthancgen.cli.output import load_environment
from orthancgen.doctor.case import Case
from orthancgen.observability import refused
from orthancgen.observability.timer import job
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.runtimes.runtime import runtime_of
from orthancgen.runtimes.state import State
from tests.support.looking import read_only
from tests.support.native import SERVICES, Native
from tests.support.prometheus import INSTALL, names_in, running_node_exporter, running_prometheus
from tests.support.servers import free_port, require_dcmtk, require_program, wait_until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def site(native_apps: Path) -> Iterator[Native]:
    native = Native(native_apps.parent / "monitoring", apps=native_apps)
    # With a certificate, so that its end is measured.
    native.write(
        {
            "observability.prometheus": True,
            "observability.grafana": True,
            "observability.node_exporter_port": free_port(),
            "dicom.tls": {"enabled": True},
        }
    )
    try:
        native.started()
        yield native
    finally:
        native.end()


@pytest.fixture(scope="module")
def written(site: Native) -> Path:
    """What is handed to those who watch."""
    folder = site.root / "handed"
    said = site.run("monitoring", options=["-o", str(folder)])
    assert said.code == 0, said.all
    return folder


def case_of(site: Native) -> Case:
    return Case(load_environment(str(site.file)), runtime_of(site.plan(), State(site.state), site.file))


def call_without_tls(site: Native) -> None:
    """What the site refuses."""
    echoscu = require_dcmtk("echoscu")
    done = subprocess.run([echoscu, "127.0.0.1", str(site.ports["dicom"])], capture_output=True, check=False)
    assert done.returncode != 0


def verify_as_its_timer_does(site: Native, metrics: Path) -> None:
    """The proofs with the capabilities that the unit leaves to root."""
    made = job(site.name, str(site.file), site.root, "orthancgen", str(metrics.parent))
    kept = ",".join(f"+{one.removeprefix('CAP_').lower()}" for one in made.capabilities)
    held = ["setpriv", f"--bounding-set=-all,{kept}", "--no-new-privs", "--"] if os.geteuid() == 0 else []
    command = [*held, *site.command(["verify"], "--metrics", str(metrics))]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_secrets_are_for_the_caller_alone(site: Native, written: Path) -> None:
    folder = written / "prometheus/secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    values = {path.name: path.read_text() for path in folder.iterdir()}
    assert values == {name: site.secret(name) for name in ("metrics_orthanc_password", "metrics_backend_token")}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    for path in written.rglob("*"):
        if path.is_file() and path.parent != folder:
            assert not any(value in path.read_text() for value in values.values()), path


def test_the_accounts_of_prometheus_open_nothing_else(site: Native) -> None:
    login = ("orthancgen-metrics", site.secret("metrics_orthanc_password"))
    with httpx.Client(base_url=site.url, auth=login, trust_env=False) as orthanc:
        codes = {path: orthanc.get(path).status_code for path in ("/tools/metrics-prometheus", "/system", "/studies")}
        assert codes == {"/tools/metrics-prometheus": 200, "/system": 403, "/studies": 403}
        assert orthanc.put("/tools/metrics", content="0").status_code == 403
    with site.backend(site.secret("metrics_backend_token")) as backend:
        codes = {path: backend.get(path).status_code for path in ("/metrics", "/api/status", "/api/patients")}
    assert codes == {"/metrics": 200, "/api/status": 200, "/api/patients": 403}


def test_promtool_finds_nothing_to_say_of_the_backend(site: Native) -> None:
    promtool = require_program("promtool", INSTALL)
    with site.backend(site.secret("metrics_backend_token")) as backend:
        text = backend.get("/metrics").raise_for_status().content
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr


def test_who_only_looks_needs_to_read_alone(site: Native, tmp_path: Path) -> None:
    ended = read_only(site.file, site.root, tmp_path)
    assert not [how for how in ended.values() if "Read-only" in how], ended
    good = {call.split(f" {site.file}")[0] for call, how in ended.items() if how == "0"}
    wanted = {"plan", "status", "logs", "history", "lock", "verify", "monitoring", "sheet", "modalities check"}
    wanted |= {"secrets list", "secrets show", "certs list", "certs check", "certs ca", "certs crl"}
    assert {call: how for call, how in ended.items() if call.split(f" {site.file}")[0] in wanted - good} == {}
    # It asks all the same; that the refused calls of the proofs were its own could nowhere be written down.
    assert ended[f"doctor {site.file} --state {site.root}"] in {"0", "1"}


def test_what_prometheus_knows_and_tells(site: Native, written: Path, tmp_path: Path) -> None:
    textfiles = tmp_path / "textfiles"
    textfiles.mkdir()
    metrics = textfiles / f"orthancgen-{site.name}.prom"
    refused.count(case_of(site))  # from here on it counts
    call_without_tls(site)
    verify_as_its_timer_does(site, metrics)
    assert metrics.stat().st_mode & 0o777 == 0o644
    port = site.plan().site.observability.node_exporter_port
    with running_node_exporter(textfiles, port), running_prometheus(written / "prometheus", tmp_path) as prometheus:
        jobs = {f"orthancgen-{site.name}-{name}" for name in ("orthanc", "backend", "host")}
        wait_until(lambda: prometheus.targets() == dict.fromkeys(jobs, ("up", "")), what="each is scraped")
        wanted = metrics_named(written)
        assert {"up", "orthanc_count_instances", "orthancgen_backend_backlog_changes"} <= wanted
        wait_until(lambda: wanted <= prometheus.names(), what="every metric that a rule or the dashboard names")
        [proofs] = prometheus.query("orthancgen_verify_success")
        assert (proofs["metric"]["environment"], proofs["value"][1]) == (site.name, "1")
        [calls] = prometheus.query('orthancgen_refused_calls_total{reason="tls-plain-call"}')
        assert calls["value"][1] == "1"
        healthy = prometheus.query("orthancgen_service_healthy")
        assert {one["metric"]["name"]: one["value"][1] for one in healthy} == dict.fromkeys(SERVICES, "1")
        wait_until(lambda: prometheus.firing() == set(), what="nothing is wrong")

        Supervisor(State(site.state)).stop_services(["backend"])
        wait_until(lambda: "OrthancBackendNotAnswering" in prometheus.firing(), what="the alert")
        # On a busy machine another scrape may have taken longer than its second.
        wait_until(lambda: prometheus.firing() == {"OrthancBackendNotAnswering"}, what="no other alert")
        said = site.run("verify", options=["--metrics", str(metrics)])
        assert said.code == 1, said.all
        wait_until(lambda: "OrthancVerificationFailed" in prometheus.firing(), what="the alert of the proofs")
        [backend] = prometheus.query('orthancgen_service_healthy{name="backend"}')
        assert backend["value"][1] == "0"
        [calls] = prometheus.query('orthancgen_refused_calls_total{reason="tls-plain-call"}')
        assert calls["value"][1] == "1"  # each is counted once


def metrics_named(written: Path) -> set[str]:
    """Every metric that the rules and the dashboard name."""
    rules: dict[str, Any] = yaml.safe_load((written / "prometheus/rules.yml").read_text())
    dashboard: dict[str, Any] = json.loads((written / "grafana/dashboard.json").read_text())
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    expressions += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return {name for expression in expressions for name in names_in(expression)}


def test_a_site_that_does_not_run_has_failed(site: Native, tmp_path: Path) -> None:
    down = site.run("down")
    assert down.code == 0, down.all
    metrics = tmp_path / "t.prom"
    said = site.run("verify", options=["--metrics", str(metrics)])
    assert said.code == 5, said.all
    text = metrics.read_text()
    assert f'orthancgen_verify_success{{environment="{site.name}"}} 0.0' in text
    assert 'name="orthanc"} 0.0' in text
    assert "orthancgen_verify_check_success{" not in text
