"""Is a service healthy? Each probe asks the service itself, with its credentials, and waits for no fixed time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx

from orthancgen.errors import StartError
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.backend_json import DATABASE_USER
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.secrets.value import SecretValue

Probe = Callable[[Plan, Access], str | None]
_INTERVAL_SECONDS: Final = 0.1
_GIVEN_UP: Final = frozenset({"FATAL", "STOPPED", "UNKNOWN"})


def database(plan: Plan, access: Access) -> str | None:
    """The database answers its account. Returns what is wrong, or None."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    name = plan.site.backend.database.name
    client: MongoClient[dict[str, object]] = MongoClient(
        access.database_host, plan.site.backend.database.port, directConnection=True, username=DATABASE_USER,
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
        answer = httpx.get(f"{access.orthanc_url}/system", auth=access.orthanc_login, verify=access.http_verify, timeout=5)
        if answer.status_code != httpx.codes.OK:
            return f"HTTP {answer.status_code}"
        with socket.create_connection((access.orthanc_host, plan.site.dicom.port), timeout=2):
            return None
    except (httpx.HTTPError, OSError) as error:
        return type(error).__name__


def backend(plan: Plan, access: Access) -> str | None:
    """The backend is ready: it reaches database and Orthanc. Returns what is wrong, or None."""
    del plan
    try:
        answer = httpx.get(f"{access.backend_url}/readyz", timeout=5)
    except httpx.HTTPError as error:
        return type(error).__name__
    return None if answer.status_code == httpx.codes.OK else f"HTTP {answer.status_code} {answer.text[:200]}"


PROBES: Final[Mapping[ServiceName, Probe]] = {"database": database, "orthanc": orthanc, "backend": backend}


def wait_healthy(
    name: ServiceName, plan: Plan, access: Access, supervisor: Supervisor, log: Path, timeout_seconds: float
) -> None:
    """Wait until a service is healthy.

    Raises:
        StartError: it ended, or did not get healthy in time; with the last lines of its log.
    """
    deadline = time.monotonic() + timeout_seconds
    while (wrong := PROBES[name](plan, access)) is not None:
        process = supervisor.processes().get(name)
        if process is None or process.state in _GIVEN_UP or time.monotonic() > deadline:
            why = f"it ended ({process.state})" if process and process.state in _GIVEN_UP else f"last answer: {wrong}"
            raise StartError(
                f"{plan.service(name).title} did not get healthy: {why}\n{tail(log, 12, access.secrets)}", hint=f"the whole log: {log}"
            )
        time.sleep(_INTERVAL_SECONDS)


def tail(log: Path, lines: int, secrets: Mapping[str, SecretValue]) -> str:
    """The last lines of a log, indented, with every secret replaced by its name."""
    from orthancgen.secrets.store import redact

    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in redact(text, secrets).splitlines()[-lines:])
