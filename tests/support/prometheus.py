"""A real Prometheus and a real node exporter for the tests, on loopback."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.servers import free_port, port_answers, require_program, wait_until

INSTALL = "apt-get install --no-install-recommends prometheus prometheus-node-exporter rsyslog rsyslog-gnutls"


class Prometheus:
    """One that runs: what it knows."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def _ask(self, path: str, **parameters: str) -> Any:
        return self._client.get(path, params=parameters).raise_for_status().json()["data"]

    def targets(self) -> dict[str, tuple[str, str]]:
        """Job -> health and last error of what it scrapes."""
        active = self._ask("/targets")["activeTargets"]
        return {one["labels"]["job"]: (one["health"], one["lastError"]) for one in active}

    def names(self) -> set[str]:
        """The names of every metric that it has."""
        return set(self._ask("/label/__name__/values"))

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression gives as soon as it gives anything: after a scrape that took too long there is nothing."""
        result: list[dict[str, Any]] = []

        def found() -> bool:
            result[:] = self._ask("/query", query=expression)["result"]
            return bool(result)

        wait_until(found, what=expression)
        return result

    def firing(self) -> set[str]:
        """The names of the alerts that are raised."""
        return {one["labels"]["alertname"] for one in self._ask("/alerts")["alerts"] if one["state"] == "firing"}


@contextmanager
def running_prometheus(folder: Path, work: Path) -> Iterator[Prometheus]:
    """Prometheus on what was written for it, but every second, and with alerts that wait no longer than that."""
    program = require_program("prometheus", INSTALL)
    shutil.copytree(folder, work / "configuration")
    file, port = work / "configuration/prometheus.yml", free_port()
    document = yaml.safe_load(file.read_text())
    document["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    file.write_text(yaml.safe_dump(document))
    rules = work / "configuration/rules.yml"
    rules.write_text(re.sub(r"for: \d+m", "for: 1s", rules.read_text()))
    command = [
        program, f"--config.file={file}", f"--storage.tsdb.path={work / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with (work / "prometheus.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: port_answers("127.0.0.1", port) or process.poll() is not None, what="Prometheus")
            assert process.poll() is None, (work / "prometheus.log").read_text()
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False, timeout=60) as client:
                wait_until(lambda: client.get("/status/buildinfo").is_success, what="Prometheus is ready")
                yield Prometheus(client)
        finally:
            process.terminate()


@contextmanager
def running_node_exporter(textfiles: Path, port: int) -> Iterator[None]:
    """The node exporter, with the collector of text files alone."""
    command = [
        require_program("prometheus-node-exporter", INSTALL), "--collector.disable-defaults", "--collector.textfile",
        f"--collector.textfile.directory={textfiles}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
    ]  # fmt: skip
    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: port_answers("127.0.0.1", port), what="the node exporter")
            yield
        finally:
            process.terminate()


def names_in(expression: str) -> set[str]:
    """The metrics that an expression in PromQL names."""
    return set(re.findall(r"\b(?:up\b(?=\{)|(?:orthancgen|orthanc)_\w+)", expression))
