"""What the last good deploy started: fingerprints, ports and processes, so that a second one touches only what changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from orthancgen.errors import DeployError
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.artifact import Bundle
from orthancgen.render.write import stage
from orthancgen.secrets.value import SecretValue

_END_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Record:
    """Contents of ``run/deployed.json``."""

    fingerprints: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, list[int]] = field(default_factory=dict)
    processes: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    """Process id and creation time of each service and of the supervisor."""
    variables: Mapping[str, str] = field(default_factory=dict)
    database_password: str = ""


def load_record(path: Path) -> Record:
    """The record, or an empty one where there is none that can be read."""
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        processes = {name: (int(pid), float(created)) for name, (pid, created) in raw["processes"].items()}
        return Record(raw["fingerprints"], raw["ports"], processes, raw["variables"], raw["database_password"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Record()


def store_record(path: Path, record: Record) -> None:
    """Replace the record.

    Raises:
        DeployError: it cannot be written.
    """
    document = {
        "fingerprints": dict(record.fingerprints),
        "ports": dict(record.ports),
        "processes": dict(record.processes),
        "variables": dict(record.variables),
        "database_password": record.database_password,
    }
    try:
        stage(json.dumps(document, indent=2).encode(), path, 0o600).replace(path)
    except OSError as error:
        raise DeployError(f"cannot write {path}: {error.strerror}") from None


def fingerprint_secret(value: SecretValue) -> str:
    """A digest by which a changed secret is noticed; kept in a file that only its owner reads."""
    return hashlib.sha256(value.reveal().encode()).hexdigest()


def fingerprint_services(
    plan: Plan, bundle: Bundle, secrets: Mapping[str, SecretValue], programs: Mapping[ServiceName, Path]
) -> dict[ServiceName, str]:
    """One digest a service, over everything that makes it behave as it does: files, secrets, program, command."""
    commands = _sections(bundle.file("supervisord.conf").content.decode())
    digests: dict[ServiceName, str] = {}
    for service in plan.services:
        digest = hashlib.sha256()
        for file in bundle.of_service(service.name):
            digest.update(file.path.encode() + b"\0" + hashlib.sha256(file.content).digest())
        for secret in plan.secrets:
            if service.name in secret.used_by:
                digest.update(f"{secret.name}\0{fingerprint_secret(secrets[secret.name])}".encode())
        program = programs[service.name].resolve()
        status = program.stat()
        digest.update(f"{program}\0{status.st_size}\0{status.st_mtime_ns}\0{commands[service.name]}".encode())
        digests[service.name] = digest.hexdigest()
    return digests


def _sections(text: str) -> dict[str, str]:
    parts = text.split("\n[program:")[1:]
    return {part.split("]", 1)[0]: part.split("\n[", 1)[0] for part in parts}


def creation_time(pid: int) -> float | None:
    """When a process was created, by which a reused process id is told; None where there is no such process."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def end_orphans(record: Record) -> None:
    """End services that outlived their supervisor; only processes that the record names, by id and creation time."""
    orphans = []
    for pid, created in record.processes.values():
        if creation_time(pid) == created:
            orphans.append(psutil.Process(pid))
    _end(orphans)


def _end(processes: Iterable[psutil.Process]) -> None:
    listed = list(processes)
    for process in listed:
        process.terminate()
    _, alive = psutil.wait_procs(listed, timeout=_END_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=5)
