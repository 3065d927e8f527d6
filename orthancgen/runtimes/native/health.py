"""Is a service healthy? Each probe asks the service itself, with its credentials, and waits for no fixed time.

No proxy of the environment is used: the services listen on this host.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx

from orthancgen.errors import StartError
from orthancgen.plan.addresses import LOOPBACK
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.backend_json import DATABASE_USER
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.native.logs import tail
from orthancgen.runtimes.native.programs import find_orthanc
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.secrets.store import redact
from orthancgen.site.analysis_checks import providers

Probe = Callable[[Plan, Access], str | None]
_INTERVAL_SECONDS: Final = 0.1
_GIVEN_UP: Final = frozenset({"FATAL", "STOPPED", "UNKNOWN"})
_QUICK_ENDS: Final = 3
"""A service that ended so often within its first second is not waited for any longer."""


def database(plan: Plan, access: Access) -> str | None:
    """The database answers its account. Returns what is wrong, or None."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    name = plan.site.backend.database.name
    client: MongoClient[dict[str, object]] = MongoClient(
        LOOPBACK, plan.site.backend.database.port, directConnection=True, username=DATABASE_USER,
        password=access.database_password.reveal(), authSource=name, serverSelectionTimeoutMS=1000,
    )  # fmt: skip
    try:
        with client:
            client[name].command("ping")
    except PyMongoError as error:
        return type(error).__name__
    return None


def orthanc(plan: Plan, access: Access) -> str | None:
    """Orthanc answers its administrator by HTTP, and its DICOM port is open. Returns what is wrong, or None."""
    try:
        answer = httpx.get(
            f"{access.orthanc_url}/system",
            auth=access.orthanc_login,
            verify=access.http_verify,
            timeout=5,
            trust_env=False,
        )
        if answer.status_code != httpx.codes.OK:
            return f"HTTP {answer.status_code}"
        with socket.create_connection((LOOPBACK, plan.site.dicom.port), timeout=2):  # its DICOM port is IPv4
            return None
    except (httpx.HTTPError, OSError) as error:
        return type(error).__name__


def backend(plan: Plan, access: Access) -> str | None:
    """The backend is ready: it reaches database and Orthanc. Returns what is wrong, or None."""
    del plan
    try:
        answer = httpx.get(f"{access.backend_url}/readyz", timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        return type(error).__name__
    return None if answer.status_code == httpx.codes.OK else f"HTTP {answer.status_code} {answer.text[:200]}"


def viewer(plan: Plan, access: Access) -> str | None:
    """The viewer's server answers, and has its pages. Returns what is wrong, or None."""
    del plan
    try:
        answer = httpx.get(f"{access.viewer_url}/healthz", timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        return type(error).__name__
    if answer.status_code != httpx.codes.OK:
        return f"HTTP {answer.status_code}"
    return None if answer.json().get("built") else "its pages are not there"


def analysis(plan: Plan, access: Access) -> str | None:
    """The service of analysis answers, and has every provider of the site. Returns what is wrong, or None."""
    try:
        answer = httpx.get(f"{access.analysis_url}/healthz", timeout=5, trust_env=False)
        there = set(answer.json()["providers"]) if answer.status_code == httpx.codes.OK else set()
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        return type(error).__name__
    if answer.status_code != httpx.codes.OK:
        return f"HTTP {answer.status_code}"
    missing = [name for name in providers(plan.site) if name not in there]
    return f"it has no provider {', '.join(missing)}" if missing else None


PROBES: Final[Mapping[ServiceName, Probe]] = {
    "database": database,
    "orthanc": orthanc,
    "backend": backend,
    "viewer": viewer,
    "analysis": analysis,
}


def wait_healthy(
    name: ServiceName, plan: Plan, access: Access, supervisor: Supervisor, log: Path, timeout_seconds: float
) -> None:
    """Wait until a service is healthy.

    Raises:
        StartError: it ended, or did not get healthy in time; with the last lines of its log.
    """
    deadline = time.monotonic() + timeout_seconds
    ends: set[int] = set()
    while (wrong := PROBES[name](plan, access)) is not None:
        process = supervisor.processes().get(name)
        if process and process.state == "BACKOFF":
            ends.add(process.ended_at)
        ended = process is None or process.state in _GIVEN_UP or len(ends) >= _QUICK_ENDS
        if ended or time.monotonic() > deadline:
            why = "it ends as soon as it is started" if ended else f"last answer: {wrong}"
            message = f"{plan.service(name).title} did not get healthy: {redact(why, access.secrets)}"
            hint = https_hint() if name == "orthanc" and plan.site.http.tls.enabled else None
            raise StartError(f"{message}\n{tail(log, 12, access.secrets)}", hint=hint or f"the whole log: {log}")
        time.sleep(_INTERVAL_SECONDS)


def https_hint() -> str | None:
    """What to do where HTTPS is what ends Orthanc: Debian's packages from 12 to sid crash at its first request.

    Their libcivetweb looks up ``SSL_get_peer_certificate`` by name, which OpenSSL 3 does not have any more, and calls
    nothing; seen with Orthanc 1.10.1, 1.12.7 and 1.13.0. The builds of Orthanc's own team have Civetweb inside.
    """
    program = find_orthanc()
    if program is None or b"libcivetweb" not in _libraries(program):
        return None
    return (
        "this Orthanc uses the system's libcivetweb, which does not survive HTTPS with OpenSSL 3: "
        "http: {tls: {enabled: false}, listen_on: 127.0.0.1} behind a reverse proxy, or another build of Orthanc"
    )


def _libraries(program: Path) -> bytes:
    try:
        return subprocess.run(["ldd", program], capture_output=True, timeout=20, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return b""
