"""A real environment of the native runtime: its file, its state folder, its processes, and the verbs that act on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pymongo
import yaml

from orthancgen.cli.output import load_plan
from orthancgen.plan.model import Plan
from orthancgen.resources import locate
from orthancgen.runtimes.access import stored_access
from orthancgen.runtimes.native.deploy import deploy
from orthancgen.runtimes.native.health import PROBES
from orthancgen.runtimes.native.running import look
from orthancgen.runtimes.report import Silent
from orthancgen.runtimes.state import State
from tests.support.environments import holder_of
from tests.support.servers import free_port, require_program, wait_until

SERVICES = ("database", "orthanc", "backend")
SECRETS = ("orthanc_password", "webhook_token", "database_password", "backend_orthanc_password", "operator_token")
COMMAND = (sys.executable, "-m", "tests.support.command")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        """Both outputs."""
        return self.out + self.err


class Native:
    """One environment in a state root of its own.

    Args:
        root: the state root; the user orthanc must be able to enter it.
        name: of the environment.
        apps: folder of built applications to share, so that npm runs once for all tests.
    """

    def __init__(self, root: Path, name: str = "t", *, apps: Path | None = None) -> None:
        self.root = root
        self.name = name
        self.file = root / f"{name}.yaml"
        self.state = root / name
        root.mkdir(exist_ok=True)
        if apps and not (root / "apps").exists():
            (root / "apps").symlink_to(apps)
        self.ports = {key: free_port() for key in ("dicom", "http", "backend", "database")}
        self.write()

    def write(self, changes: Mapping[str, Any] | None = None) -> None:
        """Write the environment's file: the development environment on free ports, with values at key paths changed."""
        document: dict[str, Any] = {
            "extends": str(locate("environments") / "dev.yaml"),
            "environment": self.name,
            "dicom": {"port": self.ports["dicom"]},
            "http": {"port": self.ports["http"]},
            "backend": {"port": self.ports["backend"], "database": {"port": self.ports["database"]}},
            # It has tests of its own: others start sooner without.
            "viewer": {"enabled": False},
        }
        for path, value in (changes or {}).items():
            *sections, last = path.split(".")
            holder_of(document, sections)[last] = value
        self.file.write_text(yaml.safe_dump(document))

    def command(self, verb: Sequence[str], *options: str) -> list[str]:
        """The argument list of a verb."""
        return [*COMMAND, *verb, str(self.file), *options, "--state", str(self.root)]

    def run(self, *verb: str, options: Sequence[str] = (), environ: Mapping[str, str | None] | None = None) -> Said:
        """Run a verb to its end; a variable of None is taken away."""
        changed = {name: text for name, text in (os.environ | dict(environ or {})).items() if text is not None}
        command = self.command(verb, *options)
        done = subprocess.run(
            command, capture_output=True, text=True, env=changed, stdin=subprocess.DEVNULL, timeout=300
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def deploy(self, *options: str, code: int = 0, environ: Mapping[str, str | None] | None = None) -> Said:
        """Deploy without the proofs, and demand the exit code."""
        said = self.run("deploy", options=("--no-verify", *options), environ=environ)
        assert said.code == code, said.all
        return said

    def plan(self) -> Plan:
        """The plan of the file as it is now."""
        return load_plan(str(self.file))[1]

    def started(self) -> set[str]:
        """Deploy within this process, which saves its start; the services that were started."""
        return set(deploy(self.plan(), State(self.state), Silent()).started)

    def start_deploy(self) -> subprocess.Popen[str]:
        """A deploy that runs beside the test."""
        return subprocess.Popen(
            self.command(["deploy"], "--no-verify"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def status(self) -> dict[str, dict[str, Any]]:
        """The rows of ``status --json`` by service."""
        said = self.run("status", options=["--json"])
        rows = {row["service"]: row for row in json.loads(said.out)["services"]}
        assert said.code == (0 if all(row["healthy"] for row in rows.values()) else 1), said.all
        return rows

    def unhealthy(self) -> dict[str, str]:
        """What is wrong, by service; empty when everything is well. Asked within this process."""
        plan, state = self.plan(), State(self.state)
        processes = look(state).supervisor.processes() if look(state).supervised else {}
        found: dict[str, str] = {}
        for service in plan.services:
            running = service.name in processes and processes[service.name].pid
            wrong = PROBES[service.name](plan, stored_access(plan, state)) if running else "not running"
            if wrong:
                found[service.name] = wrong
        return found

    def pids(self) -> dict[str, int]:
        """Process id of each service, all of which are healthy."""
        assert self.unhealthy() == {}
        processes = look(State(self.state)).supervisor.processes()
        return {service.name: processes[service.name].pid for service in self.plan().services}

    def processes(self) -> list[psutil.Process]:
        """Every living process of the environment, by the variable that it carries."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("ORTHANCGEN_SOCKET") == str(self.state / "run/supervisor.sock")
                if ours and process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:  # it has ended meanwhile
                continue
        return found

    def supervisor_pid(self) -> int:
        """Process id of the supervisor."""
        return int((self.state / "run/supervisord.pid").read_text())

    def secret(self, name: str) -> str:
        """A secret in use."""
        return (self.state / "secrets" / name).read_text()

    @property
    def url(self) -> str:
        """Orthanc."""
        return f"http://127.0.0.1:{self.ports['http']}"

    def orthanc(self, password: str | None = None) -> httpx.Client:
        """A client of Orthanc's REST API, as its administrator."""
        login = ("orthanc", password or self.secret("orthanc_password"))
        return httpx.Client(base_url=self.url, auth=login, trust_env=False, timeout=60)

    def backend(self, token: str | None = None) -> httpx.Client:
        """A client of the backend, as its operator."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.ports['backend']}",
            headers={"Authorization": f"Bearer {token or self.secret('operator_token')}"}, trust_env=False, timeout=60,
        )  # fmt: skip

    def database(self, password: str | None = None) -> pymongo.MongoClient[dict[str, Any]]:
        """A client of the database, as the backend."""
        return pymongo.MongoClient(
            "127.0.0.1", self.ports["database"], directConnection=True, username="orthancgen_backend",
            password=password or self.secret("database_password"), authSource="orthancgen",
            serverSelectionTimeoutMS=30_000,
        )  # fmt: skip

    def end(self) -> None:
        """End every process of the environment."""
        if self.processes():
            self.run("down")
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
                process.wait(60)


@contextmanager
def native_root() -> Iterator[Path]:
    """A folder with a short path that everybody may enter; removed at the end."""
    require_program("Orthanc")
    require_program("secantusd-py")
    folder = Path(tempfile.mkdtemp(prefix="ogn-"))
    folder.chmod(0o755)
    try:
        yield folder
        wait_until(lambda: left_over(folder) == [], what=f"nothing runs that tests left: {left_over(folder)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def left_over(folder: Path) -> list[str]:
    """Programs that run on something below a folder."""
    commands = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    return [command for command in commands if f"{folder}/" in command]


def wait_for_lock(native: Native, process: subprocess.Popen[str]) -> None:
    """Wait until a deploy holds the environment."""
    deadline = time.monotonic() + 120
    while not (native.state / "lock").exists() or not (native.state / "lock").read_text():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
