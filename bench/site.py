"""Environments for the benchmarks and their real services: deployed natively, on free ports, gone afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

import httpx

from orthancgen.dicom.peer import Peer
from orthancgen.orthanc.detect import installed_version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.render.orthanc_json import configuration
from orthancgen.resources import locate
from orthancgen.runtimes.access import Access, stored_access
from orthancgen.runtimes.state import state_of
from orthancgen.secrets.value import SecretValue
from orthancgen.site.load import load
from tests.support.servers import OrthancServer, free_port

AET = "BENCH"
POLL_SECONDS = 0.1
RECORDS_SECONDS = 300.0


class NotRunningError(AssertionError):
    """What is to be measured could not be deployed or stopped."""


class WrongCountError(AssertionError):
    """The work was not done: what was measured says nothing."""


@dataclass(frozen=True)
class Running:
    """A deployed environment.

    Attributes:
        environment: its file.
        plan: what it led to.
        access: addresses and credentials.
        client: of Orthanc's REST API, logged in.
    """

    environment: Path
    plan: Plan
    access: Access
    client: httpx.Client

    @property
    def peer(self) -> Peer:
        """The DICOM side."""
        return Peer("127.0.0.1", self.plan.site.dicom.port, AET, "ORTHANCGEN")

    def require_stored(self, count: int) -> None:
        """Orthanc holds exactly that many instances.

        Raises:
            WrongCountError: it does not.
        """
        stored = self.client.get("/statistics").raise_for_status().json()["CountInstances"]
        if stored != count:
            raise WrongCountError(f"{stored} of {count} instances were stored")

    def wait_recorded(self, count: int) -> None:
        """Wait until the database holds that many records of instances.

        Raises:
            WrongCountError: it does not, in RECORDS_SECONDS.
        """
        deadline = time.monotonic() + RECORDS_SECONDS
        with httpx.Client(base_url=self.access.backend_url, headers=self.access.backend_headers, timeout=30) as backend:
            while (recorded := backend.get("/api/status").raise_for_status().json()["database"]["instances"]) != count:
                if time.monotonic() > deadline:
                    raise WrongCountError(f"{recorded} of {count} instances are on record after {RECORDS_SECONDS:g} s")
                time.sleep(POLL_SECONDS)


def environment_text(name: str, *, backend: bool) -> str:
    """An environment whose every port is free at this moment: the whole stack, or the same Orthanc alone."""
    dicom, http, api, database = (free_port() for _ in range(4))
    follow = f"""
webhook: {{enabled: true}}
backend:
  port: {api}
  database: {{port: {database}}}
"""
    alone = """
webhook: {enabled: false}
backend: {enabled: false}
"""
    return f"""\
extends: {locate("environments") / "base.yaml"}
environment: {name}
kind: development
orthanc: {{aet: {AET}, version: auto}}
dicom:
  port: {dicom}
  ae_checks: {{called_aet: true, calling_aet: anyone, anyone_may: [echo, store]}}
http: {{port: {http}}}
runtime: native
viewer: {{enabled: false}}
{follow if backend else alone}"""


def load_plan(path: Path) -> Plan:
    """The plan of an environment file."""
    loaded = load(path, installed_version)
    return build_plan(loaded.require(), loaded.version)


@contextmanager
def running_site(folder: Path, *, backend: bool) -> Iterator[Running]:
    """A deployed environment with empty storage; stopped and removed at the end of the block.

    Args:
        folder: of all states, kept between runs: the backend is built in it once.
        backend: the whole stack, or Orthanc alone.
    """
    name = "stack" if backend else "alone"
    path = folder / f"{name}.yaml"
    path.write_text(environment_text(name, backend=backend), encoding="utf-8")
    plan = load_plan(path)
    state = state_of(name, folder)
    shutil.rmtree(state.root, ignore_errors=True)
    try:
        _orthancgen("deploy", str(path), "--no-verify", "--state", str(folder))
        with _running(path, plan, stored_access(plan, state)) as running:
            yield running
    finally:
        _orthancgen("down", str(path), "--state", str(folder))
        shutil.rmtree(state.root, ignore_errors=True)


@contextmanager
def running_orthanc(folder: Path, script: str) -> Iterator[Running]:
    """Orthanc alone, with the orthanc.json of `running_site` but for a Lua script of the caller's."""
    path = folder / "alone.yaml"
    path.write_text(environment_text("alone", backend=False), encoding="utf-8")
    plan = load_plan(path)
    secrets = {secret.name: SecretValue(token_hex(16)) for secret in plan.secrets}
    with TemporaryDirectory(prefix="bench-orthanc-") as scratch:
        lua = Path(scratch) / "script.lua"
        lua.write_text(script, encoding="utf-8")
        users = {account.user: secrets[account.secret].reveal() for account in plan.accounts}
        storage = str(Path(scratch) / "storage")
        changed = {"LuaScripts": [str(lua)], "StorageDirectory": storage, "IndexDirectory": storage}
        everything = configuration(plan) | changed | {"RegisteredUsers": users}
        with OrthancServer(Path(scratch), everything), _running(path, plan, Access(plan, secrets)) as running:
            yield running


@contextmanager
def _running(path: Path, plan: Plan, access: Access) -> Iterator[Running]:
    login = access.orthanc_login
    with httpx.Client(base_url=access.orthanc_url, auth=login, timeout=60, trust_env=False) as client:
        yield Running(path, plan, access, client)


def _orthancgen(*arguments: str) -> None:
    command = [sys.executable, "-m", "orthancgen", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise NotRunningError(f"orthancgen {arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
