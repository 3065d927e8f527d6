"""A deployed environment under supervisor, started, stopped and killed by its own process ids."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml

from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.orthanc.detect import installed_version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.resources import locate
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.native.deploy import deploy
from orthancgen.runtimes.native.health import PROBES
from orthancgen.runtimes.native.running import stop
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.runtimes.report import Silent
from orthancgen.runtimes.state import State, state_of
from orthancgen.site.load import load
from tests.support.servers import free_port, require_program, wait_until

MOMENT = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  DICOM's DA and TM carry no zone
SERVICES: tuple[ServiceName, ...] = ("orthanc", "backend", "database")
HEALTHY_SECONDS = 180.0


@dataclass(frozen=True)
class Stack:
    """A deployed environment: Orthanc, database and backend under supervisor."""

    plan: Plan
    state: State
    access: Access
    killed: set[int] = field(default_factory=set)

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor of the environment."""
        return Supervisor(self.state)

    @property
    def peer(self) -> Peer:
        """Orthanc as a C-STORE SCP."""
        site = self.plan.site
        return Peer("127.0.0.1", site.dicom.port, site.orthanc.aet, "FAULTS", timeouts=Timeouts(30, 60, 60))

    @property
    def storage(self) -> Path:
        """Orthanc's index and images."""
        return self.state.data / "orthanc"

    def pid(self, name: ServiceName) -> int:
        """Process id of a service; 0 while it does not run."""
        return self.supervisor.processes()[name].pid

    def healthy(self, name: ServiceName) -> bool:
        """Whether a service passes the same probe as at a deploy."""
        return PROBES[name](self.plan, self.access) is None

    def wait_healthy(self, *names: ServiceName) -> None:
        """Waits for the health of the services, all of them without names."""
        for name in names or SERVICES:
            wait_until(partial(self.healthy, name), seconds=HEALTHY_SECONDS, what=f"{name} healthy")

    def stop(self, *names: ServiceName) -> None:
        """Stops services in order, as an operator would."""
        for name in names:
            self.supervisor.stop_services([name])

    def start(self, *names: ServiceName) -> None:
        """Starts services and waits for their health."""
        for name in names:
            self.supervisor.start_service(name)
        self.wait_healthy(*names)

    def kill(self, name: ServiceName, *, seconds: float = HEALTHY_SECONDS) -> int:
        """SIGKILL as soon as the service has a process; returns its id. Supervisor is left to bring it back."""
        deadline = time.monotonic() + seconds
        while True:
            pid = self.pid(name)
            if pid and pid not in self.killed:  # supervisor may not have noticed yet that one is dead
                with suppress(ProcessLookupError):  # it ended by itself in between
                    os.kill(pid, signal.SIGKILL)
                    self.killed.add(pid)
                    return pid
            if time.monotonic() > deadline:
                state = self.supervisor.processes()[name].state
                raise AssertionError(f"supervisor did not bring {name} back in {seconds:g} s: {state}")
            time.sleep(0.02)

    def orthanc(self) -> httpx.Client:
        """A client of Orthanc's REST API, as its administrator."""
        return httpx.Client(
            base_url=self.access.orthanc_url, auth=self.access.orthanc_login, timeout=60.0, trust_env=False
        )

    def get(self, path: str) -> Any:
        """JSON of one GET of Orthanc."""
        with self.orthanc() as client:
            return client.get(path).raise_for_status().json()

    def backend_status(self) -> Any:
        """What the backend says of its delivery."""
        headers = self.access.backend_headers
        return httpx.get(f"{self.access.backend_url}/api/status", headers=headers, trust_env=False).json()


def environment_file(folder: Path, name: str) -> Path:
    """An environment on free ports, over the shipped base.yaml."""
    document: dict[str, object] = {
        "extends": str(locate("environments") / "base.yaml"),
        "environment": name,
        "kind": "development",
        "orthanc": {"name": "orthancgen faults", "version": "auto", "aet": "FAULTS_AE", "plugins": []},
        "dicom": {
            "port": free_port(),
            "ae_checks": {"called_aet": True, "calling_aet": "anyone", "anyone_may": ["echo", "store"]},
        },
        "http": {"port": free_port()},
        "backend": {"port": free_port(), "database": {"port": free_port()}},
        "viewer": {"enabled": False},
        "runtime": "native",
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


@contextmanager
def deployed(folder: Path, root: Path, name: str) -> Iterator[Stack]:
    """A deployed environment, stopped at the end of the block.

    Args:
        folder: where its file goes.
        root: the folder of all states.
        name: the environment's name.
    """
    for program in ("Orthanc", "secantusd-py"):
        require_program(program)
    loaded = load(environment_file(folder, name), installed_version)
    plan = build_plan(loaded.require(), loaded.version)
    state = state_of(name, root)
    try:
        done = deploy(plan, state, Silent())
        yield Stack(plan, state, done.access)
    finally:
        stop(state)
