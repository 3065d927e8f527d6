"""A container that can take over its host, because it is given parts of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import is_true, place, said, texts
from orthancgen.audit.references import cis_docker, nist_pacs, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeService, Mount
from orthancgen.site.problems import printable

_SOCKETS: Final = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
_HOST_FOLDERS: Final = (
    "/", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/run", "/sys", "/usr", "/var/lib/docker", "/var/run",
)  # fmt: skip
"""CIS Docker Benchmark 1.6.0, 5.6, and the folders that lead to the engine or to root's own files."""
_NAMESPACES: Final = {
    "network_mode": (Severity.HIGH, "it sees and opens every port of the host, those on loopback included"),
    "pid": (Severity.CRITICAL, "it sees every process of the host, with the secrets in their environments"),
    "ipc": (Severity.HIGH, "it reads and writes the shared memory of the host's programs"),
    "userns_mode": (Severity.HIGH, "root in it is root of the host"),
    "uts": (Severity.MEDIUM, "it can rename the host"),
}


def find(subject: Subject) -> Iterator[Hit]:
    """Every setting of a service that hands it the host."""
    for _, service in subject.services:
        yield from _settings(service)
        for mount in service.mounts:
            yield from _mount(service, mount)


def _settings(service: ComposeService) -> Iterator[Hit]:
    name = printable(service.name)
    if is_true(said(service, "privileged")):
        yield _hit(
            service, "privileged", Severity.CRITICAL, f"{name} is privileged: it has every right of the host's root"
        )
    for key, (severity, effect) in _NAMESPACES.items():
        if said(service, key) == "host":
            yield _hit(service, key, severity, f"{name} has `{key}: host`: {effect}")
    if texts(said(service, "devices")):
        yield _hit(service, "devices", Severity.HIGH, f"{name} is given devices of the host")
    for option in texts(said(service, "security_opt")):
        if option.replace("=", ":") in {"seccomp:unconfined", "apparmor:unconfined", "systempaths:unconfined"}:
            message = f"{name} has {option}: what the engine forbids every container is allowed to this one"
            yield _hit(service, "security_opt", Severity.HIGH, message)


def _hit(service: ComposeService, key: str, severity: Severity, message: str) -> Hit:
    mark, path = place(service, key)
    return Hit(message, mark, path, severity=severity)


def _mount(service: ComposeService, mount: Mount) -> Iterator[Hit]:
    if mount.kind != "bind":
        return
    source = mount.source.rstrip("/") or "/"
    if source.rpartition("/")[2] in _SOCKETS:
        message = (
            f"{printable(service.name)} is given the engine's socket {printable(source)}: read-only or not, it starts "
            "a container that is root of the host"
        )
        yield Hit(message, mount.mark, mount.path)
    elif source in _HOST_FOLDERS:
        severity = Severity.HIGH if mount.read_only else Severity.CRITICAL
        how = "reads" if mount.read_only else "writes"
        yield Hit(
            f"{printable(service.name)} {how} the folder {source} of the host",
            mount.mark,
            mount.path,
            severity=severity,
        )


RULE: Final = Rule(
    id="container-controls-host",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A container can take over its host",
    why="Whoever takes over the program has the host with it, and so every other container, the images and the keys.",
    remedy="Remove it; what really needs a right gets that one alone (`cap_add`, one device, one file read-only).",
    references=(
        cis_docker("5.5"),
        cis_docker("5.6"),
        cis_docker("5.10"),
        cis_docker("5.16"),
        cis_docker("5.17"),
        cis_docker("5.21"),
        cis_docker("5.31"),
        cis_docker("5.32"),
        owasp_docker("1"),
        nist_pacs("PR.AC-4"),
    ),
    find=find,
)
