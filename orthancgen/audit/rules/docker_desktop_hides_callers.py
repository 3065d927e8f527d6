"""A container engine that hands on DICOM calls with its own address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import said
from orthancgen.audit.looking_settings import serving_dicom
from orthancgen.audit.references import nist_pacs, orthanc_source, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeFile, ComposeService
from orthancgen.site.problems import printable

_GATEWAYS: Final = re.compile(r"172\.(?:1[7-9]|2[0-9]|3[01])\.0\.1|192\.168\.65\.(?:1|2|254)|10\.0\.2\.(?:2|100)")
"""Of the engine's own networks (its default pool), of Docker Desktop's, and of a rootless engine's (slirp4netns)."""
_DESKTOP: Final = re.compile(r"[A-Za-z]:[\\/]|/(?:Users|host_mnt)/|/mnt/[a-z]/|//[a-z]/")
"""Folders of Windows and macOS, on which an engine runs in a machine of its own."""


def find(subject: Subject) -> Iterator[Hit]:
    """Modalities whose Host is a gateway of containers, and engines of a desktop, where addresses are compared."""
    if subject.plan is not None:
        return  # the model knows how callers arrive, and refuses what would not work
    for orthanc in serving_dicom(subject):
        service = subject.service_of(orthanc)
        if service is None or not orthanc.flag("DicomCheckModalityHost") or said(service, "network_mode") == "host":
            continue
        gateways = {
            gateway for compose, one in subject.services if one is service for gateway in _gateways(compose, service)
        }
        for name, entry, path in orthanc.modalities:
            host = entry.get("Host")
            if isinstance(host, str) and (host in gateways or _GATEWAYS.fullmatch(host)):
                mark, where = orthanc.place(*path, "Host")
                message = (
                    f"the Host {printable(host)} of the modality {printable(name)} is the gateway of the containers: "
                    "everybody whose call the engine hands on passes for it"
                )
                yield Hit(message, mark, where)
        if any(True for _ in orthanc.modalities):
            yield from _desktop(service)


def _gateways(compose: ComposeFile, service: ComposeService) -> Iterator[str]:
    for network in service.networks:
        node, depth = compose.tree.find(("networks", network, "ipam", "config"))
        configured = node.plain() if depth == 4 else []
        for one in configured if isinstance(configured, list) else ():
            if isinstance(one, dict) and isinstance(one.get("gateway"), str):
                yield one["gateway"]


def _desktop(service: ComposeService) -> Iterator[Hit]:
    for mount in service.mounts:
        if mount.kind == "bind" and _DESKTOP.match(mount.source):
            message = (
                f"{printable(service.name)} has folders of Windows or macOS: the engine there hands on calls with one "
                "address for all, so that DicomCheckModalityHost refuses every modality"
            )
            yield Hit(message, mount.mark, mount.path, severity=Severity.MEDIUM)
            return


RULE: Final = Rule(
    id="docker-desktop-hides-callers",
    severity=Severity.HIGH,
    confidence="likely",
    title="The container engine hides who calls by DICOM",
    why="Docker Desktop, a rootless engine and the engine's own proxy call Orthanc from the gateway's address: the "
    "check of addresses refuses everybody, or, once that address was written as a Host, nobody.",
    remedy="Run Orthanc on Linux, with an engine that redirects by its packet filter, or on the host itself; or trust "
    "client certificates (DicomTlsRemoteCertificateRequired) instead of addresses.",
    references=(
        orthanc_source("OrthancServer/Sources/main.cpp"),
        page("Docker Desktop: networking", "https://docs.docker.com/desktop/features/networking/"),
        nist_pacs("PR.AC-7"),
    ),
    find=find,
)
