"""Configuration, scripts or plugins that the program which runs them can rewrite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.audit.references import cis_docker, cve, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Mount, ServiceRole
from orthancgen.site.problems import printable

_FOLDERS: Final[Mapping[ServiceRole, tuple[str, ...]]] = {
    "orthanc": (
        "/etc/orthanc", "/lua-scripts", "/python", "/run/secrets", "/scripts", "/startup", "/usr/lib/orthanc",
        "/usr/local/share/orthanc", "/usr/share/orthanc",
    ),
    "proxy": ("/etc/caddy", "/etc/haproxy", "/etc/nginx", "/etc/traefik", "/usr/local/etc/haproxy", "/run/secrets"),
    "mongo": ("/docker-entrypoint-initdb.d", "/etc", "/run/secrets"),
    "postgres": ("/docker-entrypoint-initdb.d", "/etc", "/run/secrets"),
}  # fmt: skip
"""Folders from which a program takes what it does."""
_FILES: Final = (".json", ".lua", ".py", ".so", ".conf", ".cfg", ".pem", ".key", ".crt")


def find(subject: Subject) -> Iterator[Hit]:
    """Every mount of such a folder or file that is not read-only."""
    for _, service in subject.services:
        for mount in service.mounts:
            if mount.read_only or mount.kind == "tmpfs" or not _decides(mount, service.role):
                continue
            name = printable(mount.source)
            source = (name if mount.kind == "bind" else f"the volume {name}") if name else "an anonymous volume"
            message = (
                f"{printable(service.name)} can write {printable(mount.target)} ({source}), which decides what it does"
            )
            yield Hit(message, mount.mark, mount.path)


def _decides(mount: Mount, role: ServiceRole) -> bool:
    target = mount.target.rstrip("/") or "/"
    if any(target == folder or target.startswith(f"{folder}/") for folder in _FOLDERS.get(role, ())):
        return True
    return mount.kind == "bind" and role in _FOLDERS and target.endswith(_FILES)


RULE: Final = Rule(
    id="writable-configuration",
    severity=Severity.HIGH,
    confidence="certain",
    title="A program can rewrite its own configuration",
    why="Whoever gets Orthanc to write a file there turns on Lua over REST, adds a user or a plugin, and with the next "
    "start runs code; that is how CVE-2023-33466 ends.",
    remedy="Mount it read-only: `- ./orthanc.json:/etc/orthanc/orthanc.json:ro`.",
    references=(cve("CVE-2023-33466"), cis_docker("5.13"), owasp_docker("8")),
    find=find,
)
