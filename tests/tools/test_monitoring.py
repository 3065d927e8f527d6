"""Prometheus' and rsyslog's own programs accept what is written for them, and do with it what is meant."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from orthancgen.observability import rsyslog
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.render import grafana_json
from orthancgen.render.catalogue import render
from orthancgen.render.prometheus_yml import secret_files
from orthancgen.runtimes.state import State
from tests.support.environments import MINIMAL, NEWEST, site_of
from tests.support.prometheus import INSTALL
from tests.support.servers import free_port, require_program, wait_until

ON: dict[str, Any] = {"observability": {"prometheus": True, "grafana": True}}
EXTREME = {
    "observability": {
        "prometheus": True,
        "verify_schedule": "weekly sunday 02:30",
        "alerts": {
            "backlog_minutes": 1440, "storage_percent": 50, "certificate_days": 365, "refused_per_hour": 100_000,
            "runbooks": "https://docs.example/observability.html",
        },
    }
}  # fmt: skip
LEAST = {
    "observability": {
        "prometheus": True,
        "verify_schedule": "Mon..Fri 03:00",
        "alerts": {"backlog_minutes": 1, "storage_percent": 1, "certificate_days": 1, "refused_per_hour": 1},
    }
}
SITES: dict[str, dict[str, Any]] = {
    "native": ON,
    "https": {**ON, "http/tls": {"enabled": True}, "certificates": {"names": ["pacs.example"]}},
    "containers": {**ON, "http/tls": {"enabled": True}, "runtime": "compose"},
    "no backend": {**ON, "backend/enabled": False, "webhook/enabled": False},
    "IPv6": {**ON, "http/listen_on": "::1"},
    "highest limits": EXTREME,
    "lowest limits": LEAST,
}


def plan_of(changes: dict[str, Any]) -> Plan:
    return plan(site_of(MINIMAL, changes), NEWEST)


def written(changes: dict[str, Any], folder: Path) -> Path:
    """The bundle's files of Prometheus, with files where it looks for secrets."""
    made = plan_of(changes)
    for file in render(made).files:
        if file.path.startswith("prometheus/"):
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
    secrets = folder / "prometheus/secrets"
    secrets.mkdir()
    for name in secret_files(made):
        (secrets / name).write_text("x")
    return folder / "prometheus"


def promtool(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = require_program("promtool", INSTALL)
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", SITES)
def test_promtool_accepts_what_is_written_and_the_alerts_do_what_they_say(name: str, tmp_path: Path) -> None:
    folder = written(SITES[name], tmp_path)
    for command in (
        ("check", "config", "prometheus.yml"),
        ("check", "config", "scrape.yml"),
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ):
        done = promtool(folder, *command)
        assert done.returncode == 0, (command, done.stdout + done.stderr)


def test_every_alert_refers_to_its_place_in_the_documentation(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "observability.md").read_text(encoding="utf-8")
    headings = {line.removeprefix("### ") for line in page.splitlines() if line.startswith("### ")}
    folder = written(EXTREME, tmp_path)
    for rule in yaml.safe_load((folder / "rules.yml").read_text())["groups"][0]["rules"]:
        assert rule["alert"] in headings
        url = f"https://docs.example/observability.html#{rule['alert'].lower()}"
        assert rule["annotations"]["runbook_url"] == url


def test_every_alert_is_tested_both_ways(tmp_path: Path) -> None:
    folder = written(ON, tmp_path)
    rules = yaml.safe_load((folder / "rules.yml").read_text())["groups"][0]["rules"]
    tests = yaml.safe_load((folder / "rules_test.yml").read_text())["tests"]
    raised = {one["alert_rule_test"][0]["alertname"]: 0 for one in tests}
    for one in tests:
        raised[one["alert_rule_test"][0]["alertname"]] += len(one["alert_rule_test"][0]["exp_alerts"])
    assert raised == {rule["alert"]: 1 for rule in rules}
    assert len(tests) == 2 * len(rules)


@pytest.mark.parametrize(("broken", "raised"), [("vector(0) > 1", True), ("vector(1)", False)])
def test_each_alert_that_is_broken_fails_its_test(tmp_path: Path, broken: str, raised: bool) -> None:
    folder = written(ON, tmp_path)
    rules = yaml.safe_load((folder / "rules.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        rule["expr"] = broken
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))
    tests = yaml.safe_load((folder / "rules_test.yml").read_text())
    of_kind = [one for one in tests["tests"] if bool(one["alert_rule_test"][0]["exp_alerts"]) == raised]
    (folder / "rules_test.yml").write_text(yaml.safe_dump({**tests, "tests": of_kind}))
    done = promtool(folder, "test", "rules", "rules_test.yml")
    failed = set(re.findall(r"alertname: ?(\w+)", done.stdout + done.stderr))
    assert failed == {rule["alert"] for rule in rules["groups"][0]["rules"]}, done.stdout + done.stderr


def test_the_dashboard_is_whole() -> None:
    document = json.loads(grafana_json.dashboard(plan_of(ON)))
    panels = document["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    assert {panel["type"] for panel in panels} == {"stat", "timeseries"}
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        assert panel["targets"]
        for target in panel["targets"]:
            assert 'environment="dev"' in target["expr"]
            assert target["datasource"] == {"type": "prometheus", "uid": "${source}"}
    provisioning = yaml.safe_load(grafana_json.provisioning(plan_of(ON)))
    assert provisioning["apiVersion"] == 1


def test_promql_of_the_dashboard_is_accepted(tmp_path: Path) -> None:
    document = json.loads(grafana_json.dashboard(plan_of(ON)))
    expressions = [target["expr"] for panel in document["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool(tmp_path, "check", "rules", "rules.yml")
    assert done.returncode == 0, done.stdout + done.stderr


class Receiver:
    """Who takes logs by TCP: what came, frame by frame (RFC 6587 section 3.4.1, octet counting)."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._data = b""
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while data := connection.recv(65_536):
                self._data += data

    def lines(self) -> list[str]:
        """The whole frames so far."""
        found, rest = [], self._data
        while (match := re.match(rb"(\d+) ", rest)) and len(rest) >= match.end() + int(match[1]):
            end = match.end() + int(match[1])
            found.append(rest[match.end() : end].decode("utf-8"))
            rest = rest[end:]
        return found

    def close(self) -> None:
        self._listener.close()
        self._thread.join(30)


def logs_of(folder: Path, changes: dict[str, Any], host: str, port: int, *, tls: bool) -> Path:
    """rsyslog's configuration for a site, whose logs lie below the folder."""
    made = plan_of({**changes, "observability": {"logs": {"host": host, "port": port, "tls": tls}}})
    (folder / "work").mkdir(exist_ok=True)
    for name, text in rsyslog.files(made, State(folder / "state"), folder / "docker").items():
        (folder / name).write_text(text)
    main = folder / "main.conf"
    main.write_text(f'global(workDirectory="{folder / "work"}")\ninclude(file="{folder}/3*.conf")\n')
    return main


@pytest.mark.parametrize("runtime", ["native", "compose"])
@pytest.mark.parametrize("tls", [True, False])
def test_rsyslog_accepts_its_files(tmp_path: Path, runtime: str, tls: bool) -> None:
    main = logs_of(tmp_path, {"runtime": runtime}, "logs.example", 6514, tls=tls)
    program = require_program("rsyslogd", INSTALL)
    done = subprocess.run([program, "-N1", "-f", str(main)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stderr.splitlines()) == {
        next(line for line in done.stderr.splitlines() if "config validation run (level 1)" in line),
        "rsyslogd: End of config validation run. Bye.",
    }


def docker_line(text: str, tag: str) -> str:
    return json.dumps({"log": f"{text}\n", "stream": "stderr", "attrs": {"tag": tag}, "time": "2026-01-02T03:04:05.6Z"})


@pytest.mark.parametrize("runtime", ["native", "compose"])
def test_rsyslog_sends_the_lines_of_the_services_and_no_others(tmp_path: Path, runtime: str) -> None:
    port = free_port()
    main = logs_of(tmp_path, {"runtime": runtime}, "127.0.0.1", port, tls=False)
    if runtime == "native":
        logs = tmp_path / "state/log"
        logs.mkdir(parents=True)
        (logs / "orthanc.log").write_text('W0102 a "line" of Orthanc\n')
        (logs / "other.log").write_text("not ours\n")
    else:
        logs = tmp_path / "docker/0123"
        logs.mkdir(parents=True)
        lines = [
            docker_line('W0102 a "line" of Orthanc', "orthancgen-dev.orthanc"),
            docker_line("not ours", "x.y"),
            "no JSON",
        ]
        (logs / "0123-json.log").write_text("\n".join(lines) + "\n")
    receiver = Receiver(port)
    command = [require_program("rsyslogd", INSTALL), "-n", "-f", str(main), "-i", str(tmp_path / "pid")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: len(receiver.lines()) >= 1, what="a line")
        finally:
            process.terminate()
    receiver.close()
    [line] = receiver.lines()
    assert re.fullmatch(r"<134>1 \S+ \S+ orthancgen-dev\.orthanc - - - W0102 a \"line\" of Orthanc", line)
    assert ("2026-01-02T03:04:05.6Z" in line) == (runtime == "compose")
