"""Real servers for the tests: Orthanc and SecantusDB on loopback, on free ports, ended by their own process.

Each server is a context manager. It is ready when it answers (never after a time), and its log is at hand when it
is not. A program that is not installed fails the test under ``CI=true``; elsewhere the test is skipped and says how
to install it.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn, Self
from urllib.parse import quote

import httpx
import pytest

START_SECONDS = 180.0
"""How long a server may take until it answers. Orthanc needs under 1 s, SecantusDB under 4 s on an idle machine."""

STOP_SECONDS = 60.0
POLL_SECONDS = 0.02

INSTALL = {
    "Orthanc": "apt-get install orthanc (and orthanc-dicomweb)",
    "secantusd-py": "pip install 'orthancgen[native]'",
    "node": "pip install 'orthancgen[native]', or a Node.js of 20.19 or newer",
}


class StartupError(AssertionError):
    """A server ended, or did not answer in time; the message holds the end of its log."""


def find_program(name: str) -> str | None:
    """The path of a program: beside this Python first (the virtual environment), then in PATH and the sbin folders."""
    beside = Path(sys.executable).parent
    return shutil.which(name, path=os.pathsep.join([str(beside), os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def require_dcmtk(name: str) -> str:
    """The path of a DCMTK program; as `require_program`, but never pynetdicom's program of the same name."""
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin"]:
        found = shutil.which(name, path=folder)
        if found and b"dcmtk" in subprocess.run([found, "--version"], capture_output=True, check=False).stdout:
            return found
    return require_program(f"{name} (DCMTK)", "apt-get install dcmtk")


def require_program(name: str, install: str | None = None) -> str:
    """The path of a program; fails the test under ``CI=true`` and skips it elsewhere when the program is missing."""
    found = find_program(name)
    if found is None:
        cannot_run(f"{name} is not installed; install it with: {install or INSTALL.get(name, 'the package manager')}")
    return found


def cannot_run(why: str) -> NoReturn:
    """Ends a test that this machine cannot run: a failure under ``CI=true``, where it must, a skip elsewhere."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(why)
    pytest.skip(why)


_FREE: Final = range(12_000, 22_000)
"""Below what the kernel gives to those who call (ip_local_port_range): else a caller may have the port meanwhile. Those
above, up to 27,000, are for the tests in `stack/`."""
_TAKEN: Final = Path(f"/tmp/orthancgen-test-ports-{os.getuid()}")
"""Byte N of it is locked by the process of tests that has chosen port N, until that process ends: fcntl(2), F_SETLK."""
_CHOSEN: Final[set[int]] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port of `host` that nobody listened on a moment ago, that no caller is given, and that no test chose.

    Nobody who asks here gets it again, in no process of tests of this machine, until this process has ended: whoever
    listens on it starts later, and is stopped and started again.
    """
    while True:
        port = random.SystemRandom().choice(_FREE)
        if port in _CHOSEN or not _taken_by_nobody(port):
            continue
        _CHOSEN.add(port)
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as sock:
            try:
                sock.bind((host, port))
            except OSError:
                continue
        if not port_answers(host, port):
            return port


@cache
def _ports() -> int:
    """The file of ports, which stays open: a lock of fcntl(2) goes with any descriptor of its file that is closed."""
    return os.open(_TAKEN, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _taken_by_nobody(port: int) -> bool:
    """Lock a port for this process."""
    try:
        fcntl.lockf(_ports(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


def port_answers(host: str, port: int) -> bool:
    """Whether something accepts a TCP connection there."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], *, seconds: float = 120.0, what: str = "the condition") -> None:
    """Returns as soon as `condition()` is true; AssertionError naming `what` when it is not within `seconds`.

    Most conditions come true at once. On two cores with six parts of the tests some of them take half a minute.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not so after {seconds:g} s")
        time.sleep(POLL_SECONDS)


class Server(ABC):
    """One process of a test: started, waited for, stopped, and its output kept in `log_path`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.log_path = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The argument list; a password never stands in it."""

    def environment(self) -> dict[str, str]:
        """The environment of the process."""
        return dict(os.environ)

    @abstractmethod
    def healthy(self) -> bool:
        """Whether the server answers as it should."""

    @property
    def pid(self) -> int:
        """The process id; AssertionError when it was not started."""
        assert self._process is not None, f"{self.name} is not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """Everything the process wrote to its standard output and error, over all its starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self) -> Self:
        """Starts the process and waits for its health; StartupError with the end of the log otherwise."""
        assert not self.running, f"{self.name} runs already"
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.healthy():
            if not self.running:
                raise StartupError(f"{self.name} ended with {self._process.returncode}:\n{self.log()[-4000:]}")
            if time.monotonic() > deadline:
                self.kill()
                raise StartupError(f"{self.name} did not answer in {START_SECONDS:g} s:\n{self.log()[-4000:]}")
            time.sleep(POLL_SECONDS)
        return self

    def stop(self) -> int:
        """SIGTERM, then wait (SIGKILL if it takes longer than STOP_SECONDS); the exit status."""
        assert self._process is not None, f"{self.name} is not started"
        if self.running:
            self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL, as a power failure would; the exit status."""
        assert self._process is not None, f"{self.name} is not started"
        self._process.kill()
        return self._process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        if not self.running:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()


class OrthancServer(Server):
    """A real Orthanc with the configuration given, over harmless defaults (loopback ports, empty storage in `folder`).

    What `configuration` says wins over the defaults, so a test may set its own ports, users, TLS and plugins.
    """

    def __init__(self, folder: Path, configuration: Mapping[str, Any] | None = None, *, name: str = "orthanc") -> None:
        super().__init__(name, folder)
        self._program = require_program("Orthanc")
        self._chosen = dict(configuration or {})
        self._credentials: tuple[str, str] | None = None
        users = self._chosen.get("RegisteredUsers") or {}
        if users:
            self._credentials = next(iter(users.items()))
        self._choose_ports()

    def _choose_ports(self) -> None:
        self.configuration: dict[str, Any] = {
            "Name": "orthancgen test",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "HttpPort": free_port(),
            "DicomPort": free_port(),
            "DicomAet": "ORTHANC",
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": bool(self._credentials),
            "Plugins": [],
        } | self._chosen

    @property
    def http_port(self) -> int:
        """The port of the REST API."""
        return int(self.configuration["HttpPort"])

    @property
    def dicom_port(self) -> int:
        """The DICOM port."""
        return int(self.configuration["DicomPort"])

    @property
    def aet(self) -> str:
        """Orthanc's own AE title."""
        return str(self.configuration["DicomAet"])

    @property
    def url(self) -> str:
        """The root of the REST API, without a slash at its end."""
        scheme = "https" if self.configuration.get("SslEnabled") else "http"
        return f"{scheme}://127.0.0.1:{self.http_port}"

    def command(self) -> list[str]:
        return [self._program, str(self.folder / "orthanc.json")]

    def environment(self) -> dict[str, str]:
        # Without it DCMTK leaves Nagle's algorithm on, which costs 40 ms an instance on loopback.
        return dict(os.environ) | {"TCP_NODELAY": "1"}

    def start(self) -> Self:
        """Writes orthanc.json and starts; takes other ports when a free one was taken by somebody in between."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "storage").mkdir(exist_ok=True)
        restart = self.log_path.exists()
        for attempt in range(3):
            self._write_configuration()
            try:
                return super().start()
            except StartupError as error:
                if restart or attempt == 2 or "already in use" not in str(error):
                    raise
                self._choose_ports()
                self.log_path.unlink()
        raise AssertionError("not reached")

    def _write_configuration(self) -> None:
        path = self.folder / "orthanc.json"
        path.write_text(json.dumps(self.configuration, indent=1))
        path.chmod(0o600)

    def healthy(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/system", timeout=20.0, verify=False, trust_env=False)
        except httpx.HTTPError:
            return False
        if answer.status_code not in (200, 401, 403):
            return False
        return not self.configuration.get("DicomServerEnabled", True) or port_answers("127.0.0.1", self.dicom_port)

    def client(self) -> httpx.Client:
        """A client of the REST API, logged in as the first of ``RegisteredUsers`` if there are any."""
        return httpx.Client(
            base_url=self.url, auth=self._credentials, timeout=60.0, verify=False, trust_env=False, http2=False
        )

    def get(self, path: str) -> Any:
        """The JSON answer of a GET; httpx.HTTPStatusError when it is not 2xx."""
        with self.client() as client:
            return client.get(path).raise_for_status().json()

    def get_bytes(self, path: str) -> bytes:
        """The body of a GET; httpx.HTTPStatusError when it is not 2xx."""
        with self.client() as client:
            return client.get(path).raise_for_status().content

    def instance_uids(self) -> list[str]:
        """The SOPInstanceUID of every stored instance, sorted; one that stands twice was stored twice."""
        return sorted(item["MainDicomTags"]["SOPInstanceUID"] for item in self.get("/instances?expand"))


class SecantusServer(Server):
    """A real SecantusDB (MongoDB's wire protocol); with `credentials` it asks for them (SCRAM-SHA-256).

    Args:
        folder: where its data and log go.
        credentials: (user, password) of a user with readWrite on `database`, made before the server asks for logins.
        database: the database of that user.
        tls: (certificate, key) PEM files, or None for plain TCP.
        member: whether it says that it is a replica set of one, which can step down.
    """

    def __init__(
        self,
        folder: Path,
        *,
        credentials: tuple[str, str] | None = None,
        database: str = "orthancgen",
        tls: tuple[Path, Path] | None = None,
        name: str = "secantusdb",
        member: bool = False,
    ) -> None:
        super().__init__(name, folder)
        self._program = require_program("secantusd-py")
        self._credentials = credentials
        self._tls = tls
        self._authenticated = False
        self._member = member
        self.database = database
        self.port = free_port()

    def command(self) -> list[str]:
        alone = () if self._member else ("--standalone",)
        command = [
            self._program, *alone, "--host", "127.0.0.1", "--port", str(self.port),
            "--storage-path", str(self.folder / "data"), "--cache-size", "64M", "--sync-on-commit",
        ]  # fmt: skip
        if self._authenticated:
            command.append("--auth")
        if self._tls is not None:
            command += ["--tls-cert-file", str(self._tls[0]), "--tls-key-file", str(self._tls[1])]
        return command

    def healthy(self) -> bool:
        return port_answers("127.0.0.1", self.port)

    @property
    def uri(self) -> str:
        """The connection string, with the credentials if there are any: for clients, never for a command line."""
        login = ""
        if self._credentials is not None and self._authenticated:
            user, password = (quote(part, safe="") for part in self._credentials)
            login = f"{user}:{password}@"
        options = "directConnection=true" + (f"&authSource={self.database}" if login else "")
        return f"mongodb://{login}127.0.0.1:{self.port}/{self.database}?{options}"

    def start(self) -> Self:
        if self._credentials is None or self._authenticated:
            return super().start()
        self._create_user(super().start())
        self.stop()
        self._authenticated = True
        return super().start()

    def _create_user(self, server: Self) -> None:
        import pymongo

        user, password = self._credentials or ("", "")
        options: dict[str, Any] = {"tls": True, "tlsAllowInvalidCertificates": True} if self._tls else {}
        with pymongo.MongoClient[dict[str, Any]](server.uri, **options) as client:
            role = {"role": "readWrite", "db": self.database}
            client[self.database].command("createUser", user, pwd=password, roles=[role])


@contextmanager
def running_orthanc(folder: Path, configuration: Mapping[str, Any] | None = None) -> Iterator[OrthancServer]:
    """A running Orthanc, stopped at the end of the block."""
    with OrthancServer(folder, configuration) as server:
        yield server


@contextmanager
def running_secantus(folder: Path, *, credentials: tuple[str, str] | None = None) -> Iterator[SecantusServer]:
    """A running SecantusDB, stopped at the end of the block."""
    with SecantusServer(folder, credentials=credentials) as server:
        yield server
