"""What the last good deploy started, as fingerprints, so that a second one touches only what changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.artifact import Bundle
from orthancgen.render.write import stage
from orthancgen.secrets.value import SecretValue


@dataclass(frozen=True, slots=True)
class Record:
    """Contents of ``run/deployed.json``.

    Attributes:
        fingerprints: a digest a service.
        variables: of the supervisor.
        database_password: digest of the password that the database knows.
    """

    fingerprints: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    database_password: str = ""


def load_record(path: Path) -> Record:
    """The record, or an empty one where there is none that can be read."""
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Record(dict(raw["fingerprints"]), dict(raw["variables"]), str(raw["database_password"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Record()


def store_record(path: Path, record: Record) -> None:
    """Replace the record.

    Raises:
        OSError: as the file system says.
    """
    document = {
        "fingerprints": dict(record.fingerprints),
        "variables": dict(record.variables),
        "database_password": record.database_password,
    }
    stage(json.dumps(document, indent=2).encode(), path, 0o600).replace(path)


def fingerprint_secret(value: SecretValue) -> str:
    """A digest by which a changed secret is noticed; kept in a file that only its owner reads."""
    return hashlib.sha256(value.reveal().encode()).hexdigest()


def fingerprint_services(
    plan: Plan,
    bundle: Bundle,
    secrets: Mapping[str, SecretValue],
    programs: Mapping[ServiceName, Path],
    models: str = "",
) -> dict[ServiceName, str]:
    """One digest a service, over everything that makes it behave as it does: files, secrets, program, command.

    Services without a program are left out.

    Args:
        plan: what is wanted.
        bundle: its files.
        secrets: the values in use.
        programs: the program of each service.
        models: the digests of the models that the analysis runs.

    Raises:
        OSError: a program is not there any more.
    """
    commands = _sections(bundle.file("supervisord.conf").content.decode())
    digests: dict[ServiceName, str] = {}
    for service in plan.services:
        if service.name not in programs:
            continue
        digest = hashlib.sha256()
        for file in bundle.of_service(service.name):
            digest.update(file.path.encode() + b"\0" + hashlib.sha256(file.content).digest())
        for secret in plan.secrets:
            if service.name in secret.used_by:
                digest.update(f"{secret.name}\0{fingerprint_secret(secrets[secret.name])}".encode())
        program = programs[service.name].resolve()
        status = program.stat()
        digest.update(f"{program}\0{status.st_size}\0{status.st_mtime_ns}\0{commands[service.name]}".encode())
        if service.name == "analysis":
            digest.update(f"\0{models}".encode())
        digests[service.name] = digest.hexdigest()
    return digests


def _sections(text: str) -> dict[str, str]:
    parts = text.split("\n[program:")[1:]
    return {part.split("]", 1)[0]: part.split("\n[", 1)[0] for part in parts}
