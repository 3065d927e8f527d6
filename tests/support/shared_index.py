"""Several real Orthancs on one real PostgreSQL, behind a balancer, and several backends that follow them.

Orthanc's and the backends' configurations are the rendered ones of a stack; only places are put in their stead: ports
of loopback, folders, and addresses of one another.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx
import pymongo

from orthancgen.plan.build import BACKEND_ACCOUNT
from orthancgen.plan.model import Plan
from orthancgen.render import backend_json, orthanc_json
from orthancgen.resources import locate
from orthancgen.runtimes.native.apps import ensure_built
from orthancgen.runtimes.native.programs import Programs, find_node
from orthancgen.runtimes.report import Silent
from orthancgen.runtimes.state import State
from orthancgen.secrets.orthanc_file import orthanc_secret_document
from orthancgen.secrets.value import SecretValue
from tests.support.admission import Release, release
from tests.support.certificates import Authority, KeyPair
from tests.support.haproxy import HaproxyServer
from tests.support.scaled import swarm
from tests.support.servers import (
    OrthancServer,
    SecantusServer,
    Server,
    cannot_run,
    free_port,
    port_answers,
    require_program,
)

VALUE: Final = "a-value-of-the-tests-1"
DATABASE: Final = "orthancgen"
_ACCOUNTS: Final = ("postgres", "nobody")
"""As whom PostgreSQL runs, which refuses to be root: the first that is there."""


def postgresql_program(name: str) -> str:
    """A program of the newest PostgreSQL; Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda one: int(one.parts[4]))
    return str(found[-1]) if found else require_program(name, "apt-get install postgresql")


class PostgresServer(Server):
    """A PostgreSQL of its own on loopback, with a database and a user that has a password."""

    def __init__(
        self, *, user: str = "orthanc", password: str = VALUE, database: str = "orthanc", shows: KeyPair | None = None
    ) -> None:
        if os.geteuid() != 0:
            cannot_run("PostgreSQL is started as another user, which takes root")
        names = [name for name in _ACCOUNTS if name in {one.pw_name for one in pwd.getpwall()}]
        self._account = pwd.getpwnam(names[0])
        self._home = tempfile.TemporaryDirectory(prefix="ocg-postgresql-")
        super().__init__("postgresql", Path(self._home.name))
        os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        self.port = free_port()
        self._user, self._password, self._database = user, password, database
        self._shows = shows

    def _as_account(self, *command: str) -> list[str]:
        ids = [f"--reuid={self._account.pw_uid}", f"--regid={self._account.pw_gid}", "--clear-groups"]
        return [require_program("setpriv"), *ids, *command]

    def command(self) -> list[str]:
        # Nothing here outlives the test: that it survives a power failure is not what is tested.
        return self._as_account(
            postgresql_program("postgres"), "-D", f"{self.folder}/data", "-p", str(self.port), "-k", str(self.folder),
            "-h", "127.0.0.1", "-c", "fsync=off", *self._by_tls(),
        )  # fmt: skip

    def _by_tls(self) -> list[str]:
        if self._shows is None:
            return []
        settings = ["-c", "ssl=on"]
        for setting, path in (("ssl_cert_file", self._shows.certificate), ("ssl_key_file", self._shows.key)):
            own = self.folder / path.name
            shutil.copy(path, own)
            os.chown(own, self._account.pw_uid, self._account.pw_gid)
            own.chmod(0o600)
            settings += ["-c", f"{setting}={own}"]
        return settings

    def start(self) -> Self:
        if not (self.folder / "data").exists():
            password = self.folder / "password"
            password.write_text(self._password)
            os.chown(password, self._account.pw_uid, self._account.pw_gid)
            made = self._as_account(
                postgresql_program("initdb"), "-D", f"{self.folder}/data", "-U", self._user, "-A", "scram-sha-256",
                f"--pwfile={password}", "-E", "UTF8", "--locale=C", "--no-sync",
            )  # fmt: skip
            subprocess.run(made, check=True, capture_output=True, cwd="/")
            password.unlink()
            super().start()
            self.ask(f"CREATE DATABASE {self._database}", database="postgres")
            return self
        return super().start()

    def ask(self, sql: str, *, database: str | None = None) -> str:
        """What psql prints for a statement."""
        command = [
            postgresql_program("psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", self._user, "-X", "-A", "-t",
            "-v", "ON_ERROR_STOP=1", "-c", sql, database or self._database,
        ]  # fmt: skip
        variables = os.environ | {"PGPASSWORD": self._password}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=variables).stdout.strip()

    def healthy(self) -> bool:
        ready = [postgresql_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def __exit__(self, *arguments: object) -> None:
        super().__exit__(*arguments)
        self._home.cleanup()


class SharingOrthanc(OrthancServer):
    """One of several Orthancs, with the rendered configuration of the stack."""

    def __init__(self, folder: Path, built: Release, configuration: Mapping[str, Any], name: str) -> None:
        self._release = built
        super().__init__(folder, configuration, name=name)

    def command(self) -> list[str]:
        return [*self._release.command, str(self.folder / "orthanc.json")]

    def environment(self) -> dict[str, str]:
        return super().environment() | dict(self._release.environment) | {orthanc_json.INSTANCE_VARIABLE: self.name}


class Backend(Server):
    """One of several backends, with the rendered configuration of the stack."""

    def __init__(
        self, name: str, folder: Path, port: int, command: list[str], configuration: Mapping[str, Any]
    ) -> None:
        super().__init__(name, folder)
        self.port = port
        self._command = command
        folder.mkdir(parents=True, exist_ok=True)
        secret = folder / "secret"
        secret.write_text(VALUE)
        own = {**configuration, "listen": {"host": "127.0.0.1", "port": self.port}}
        (folder / "backend.json").write_text(json.dumps(own))

    def command(self) -> list[str]:
        return [*self._command, "--config", str(self.folder / "backend.json")]

    def healthy(self) -> bool:
        return port_answers("127.0.0.1", self.port)

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        headers = {"authorization": f"Bearer {VALUE}-operator"}
        url = f"http://127.0.0.1:{self.port}/api/status"
        answer: dict[str, Any] = httpx.get(url, headers=headers, timeout=60, trust_env=False).raise_for_status().json()
        return answer


@dataclass(frozen=True)
class Shared:
    """What runs."""

    postgresql: PostgresServer
    database: SecantusServer
    orthancs: tuple[SharingOrthanc, ...]
    backends: tuple[Backend, ...]

    def leader(self) -> Backend | None:
        """The backend that follows Orthanc now."""
        found = [one for one in self.backends if one.running and one.status()["worker"]["role"] == "leader"]
        assert len(found) <= 1, "two backends follow Orthanc at once"
        return found[0] if found else None

    def records(self) -> list[str]:
        """The SOP Instance UIDs on record; one that stands twice was recorded twice."""
        with pymongo.MongoClient[dict[str, Any]](self.database.uri) as client:
            instances = client[DATABASE]["instances"].find({}, {"sop_instance_uid": 1})
            return sorted(one["sop_instance_uid"] for one in instances)


@contextmanager
def sharing(
    folder: Path,
    orthancs: int = 2,
    backends: int = 4,
    *,
    apps: Path | None = None,
    storage: str = "shared_folder",
    tls: Authority | None = None,
) -> Iterator[Shared]:
    """A PostgreSQL, several Orthancs on it, a balancer before their REST APIs, and several backends.

    Args:
        folder: of everything but PostgreSQL.
        orthancs, backends: how many.
        apps: folder of built applications; without it, the backend is built in `folder`.
        storage: where the images are, as the model says it.
        tls: the authority of PostgreSQL's certificate, where it is called by TLS.
    """
    reached = {} if tls is None else {"host": "192.0.2.99", "tls": True, "authority": {"secret": "authority"}}
    scale = {
        "index": "postgresql", "storage": storage, "orthancs": orthancs, "backends": backends, "postgresql": reached,
    }  # fmt: skip
    plan = swarm({"images": {"orthanc": "x:1", "mongo": "x:1", "postgres": "x:1"}}, scale=scale)
    built = release("sid", "orthanc-postgresql")
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        postgresql = stack.enter_context(PostgresServer(shows=None if tls is None else tls.issue("postgresql")))
        database = stack.enter_context(SecantusServer(folder / "mongo", credentials=("backend", VALUE)))
        balancer = free_port()
        ports = [free_port() for _ in range(backends)]
        servers = []
        for number in range(1, orthancs + 1):
            name = f"orthanc-{number}"
            own = _configuration(plan, built, folder, postgresql.port, ports[0], name, tls)
            servers.append(stack.enter_context(SharingOrthanc(folder / name, built, own, name)))
        stack.enter_context(Balancer(folder / "haproxy", servers, balancer))
        program = _program(apps or folder / "state/apps")
        followers = []
        for number in range(1, backends + 1):
            place = folder / f"backend-{number}"
            follower = Backend(
                f"backend-{number}", place, ports[number - 1], program, _backend(plan, place, balancer, database.port)
            )
            followers.append(stack.enter_context(follower))
        yield Shared(postgresql, database, tuple(servers), tuple(followers))


def _configuration(
    plan: Plan, built: Release, folder: Path, postgresql: int, backend: int, name: str, tls: Authority | None
) -> dict[str, Any]:
    """The rendered configuration and the file of secrets, with the places of this machine."""
    secrets = {secret.name: SecretValue(VALUE) for secret in plan.secrets}
    rendered: dict[str, Any] = json.loads(orthanc_json.build(plan)) | json.loads(orthanc_secret_document(plan, secrets))
    storage = folder / "images"
    storage.mkdir(exist_ok=True)
    plugins = [str(built.plugins / Path(one).name) for one in rendered["Plugins"]]
    if tls is None:
        rendered["PostgreSQL"] |= {"Host": "127.0.0.1", "Port": postgresql}
    else:
        uri = rendered["PostgreSQL"]["ConnectionUri"].replace("192.0.2.99:5432", f"127.0.0.1:{postgresql}")
        rendered["PostgreSQL"]["ConnectionUri"] = uri.replace("/run/secrets/authority", str(tls.certificate))
    rendered["OrthancGen"]["Webhook"]["Url"] = f"http://127.0.0.1:{backend}/api/orthanc/webhook"
    script = folder / name / "orthancgen.lua"
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(locate("templates") / "orthanc/orthancgen.lua.j2", script)
    return rendered | {
        "HttpPort": free_port(),
        "DicomPort": free_port(),
        "HttpBindAddresses": ["127.0.0.1"],
        "StorageDirectory": str(storage),
        "IndexDirectory": str(storage),
        "Plugins": plugins,
        "LuaScripts": [str(script)],
    }


class Balancer(HaproxyServer):
    """haproxy that gives each connection to the next Orthanc that answers."""

    def __init__(self, folder: Path, servers: list[SharingOrthanc], port: int) -> None:
        super().__init__(folder, servers[0].http_port, "", port=port)
        self._servers = servers

    def command(self) -> list[str]:
        command = super().command()
        lines = [f"    server {one.name} 127.0.0.1:{one.http_port} check inter 500ms\n" for one in self._servers]
        path = self.folder / "haproxy.cfg"
        kept = path.read_text().partition("\nbackend back\n")[0]
        path.write_text(f"{kept}\nbackend back\n    balance roundrobin\n    option redispatch\n{''.join(lines)}")
        return command


def _program(built: Path) -> list[str]:
    """The command of the backend, built where it is not yet."""
    built.mkdir(parents=True, exist_ok=True)
    node, npm = find_node()
    assert node is not None
    programs = Programs(Path(require_program("Orthanc")), None, node, npm)
    return [str(node), str(ensure_built("backend", programs, State(built.parent / "dev"), Silent()) / "server.mjs")]


def _backend(plan: Plan, place: Path, orthanc: int, database: int) -> dict[str, Any]:
    place.mkdir(parents=True, exist_ok=True)
    configuration = backend_json.configuration(plan)
    for name in ("webhook", "operator"):
        (place / name).write_text(f"{VALUE}-{name}" if name == "operator" else VALUE)
    for credential in configuration["credentials"]:
        credential["token_file"] = "operator" if credential["name"] == "operator" else "webhook"
    configuration["orthanc"] |= {"url": f"http://127.0.0.1:{orthanc}", "password_file": "secret"}
    assert configuration["orthanc"]["username"] == BACKEND_ACCOUNT
    configuration["database"] |= {
        "host": "127.0.0.1", "port": database, "name": DATABASE, "username": "backend", "password_file": "secret",
    }  # fmt: skip
    return configuration
