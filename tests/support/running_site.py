"""A deployed native environment that is asked about, and broken for the length of a block."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from orthancgen.plan.model import Plan, ServiceName
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.runtimes.state import State
from tests.support.servers import port_answers, wait_until

Configuration = dict[str, Any]
"""Orthanc's, as in orthanc.json."""


@dataclass(frozen=True)
class Running:
    """A deployed environment, its file, and how to break it."""

    path: Path
    plan: Plan
    state: State
    access: Access

    @property
    def _supervisor(self) -> Supervisor:
        return Supervisor(self.state)

    def pid(self, name: ServiceName) -> int:
        """Process id of a service; 0 while it does not run."""
        return self._supervisor.processes()[name].pid

    def stop(self, name: ServiceName) -> None:
        """Stop a service, and wait until it has ended."""
        self._supervisor.stop_services([name])

    def start(self, name: ServiceName) -> None:
        """Start a service; its health is not waited for."""
        self._supervisor.start_service(name)

    def restart(self, name: ServiceName) -> None:
        """Stop and start a service; its health is not waited for."""
        self.stop(name)
        self.start(name)

    def orthanc(self) -> httpx.Client:
        """A client of Orthanc's REST API, as its administrator."""
        access = self.access
        return httpx.Client(base_url=access.orthanc_url, auth=access.orthanc_login, timeout=30, trust_env=False)

    def test_patients(self) -> int:
        """How many patients of `verify` are in Orthanc."""
        with self.orthanc() as client:
            found = client.post("/tools/find", json={"Level": "Patient", "Query": {"PatientID": "ORTHANCGEN-VERIFY-*"}})
            return len(found.raise_for_status().json())

    def wait_orthanc(self) -> None:
        """Wait until Orthanc answers HTTP and DICOM."""
        wait_until(lambda: _answers(f"{self.access.orthanc_url}/system", self.access.orthanc_login), what="Orthanc")
        wait_until(lambda: port_answers("127.0.0.1", self.plan.site.dicom.port), what="Orthanc's DICOM port")

    def wait_all(self) -> None:
        """Wait until Orthanc answers and the backend is ready."""
        self.wait_orthanc()
        wait_until(lambda: _answers(f"{self.access.backend_url}/readyz"), what="the backend")

    @contextmanager
    def changed(self, file: str, change: Callable[[Configuration], None]) -> Iterator[None]:
        """Orthanc runs with another configuration than the plan's until the end of the block."""
        path = self.state.config / "orthanc" / file
        kept = path.read_text(encoding="utf-8")
        configuration = json.loads(kept)
        change(configuration)
        try:
            path.write_text(json.dumps(configuration), encoding="utf-8")
            self.restart("orthanc")
            self.wait_all()
            yield
        finally:
            path.write_text(kept, encoding="utf-8")
            self.restart("orthanc")
            self.wait_all()

    @contextmanager
    def stopped(self, name: ServiceName) -> Iterator[None]:
        """Without a service until the end of the block."""
        self.stop(name)
        try:
            yield
        finally:
            self.start(name)
            self.wait_all()


def _answers(url: str, login: tuple[str, str] | None = None) -> bool:
    try:
        return httpx.get(url, auth=login, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
