"""What live systems say, compared with what the current release wants. Pure: whoever calls has asked them.

Each function compares one kind of thing and returns a :class:`Drift` for each difference; none where all is as wanted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from orthancgen.orthanc.keys import Version, keys_for
from orthancgen.release.mask import show
from orthancgen.release.model import Release

Kind = Literal["modality", "system", "container", "health", "file", "certificate", "volume"]
WARN_DAYS: Final = 30
"""Days before the end of a certificate from which it is reported."""
PASSING: Final = frozenset({"health", "certificate"})
"""Kinds that come and go, or change by the day, without anybody having changed anything."""

_ABSENT: Final = "nothing"
_SYSTEM: Final = (
    "Name",
    "DicomAet",
    "DicomPort",
    "HttpPort",
    "CheckRevisions",
    "StorageCompression",
    "MaximumStorageSize",
    "MaximumPatientCount",
    "MaximumStorageMode",
    "IngestTranscoding",
)
"""Keys of ``/system`` that are called as in the configuration; older versions of Orthanc show fewer of them."""
_STORAGE_COMMITMENT: Final = ("AllowNAction", "AllowEventReport")
"""What ``AllowStorageCommitment`` stands for; Orthanc shows these two."""
_UNSET: Final = ("", "SystemDefault")


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not as the release wants it.

    Attributes:
        kind: of thing.
        place: which one: ``modality ct1: Port``, ``container orthanc: user``.
        wanted: by the release.
        found: live; never a secret.
        remedy: what to do about it.
    """

    kind: Kind
    place: str
    wanted: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: wanted {self.wanted}, found {self.found}"


def modalities(
    live: Mapping[str, Mapping[str, Any]], configuration: Mapping[str, Any], version: Version
) -> Iterator[Drift]:
    """Modalities that were added, removed or changed through the REST API.

    Args:
        live: ``GET /modalities?expand``.
        configuration: the release's orthanc.json.
        version: of Orthanc, for its defaults.
    """
    kept = configuration.get("DicomModalitiesInDatabase") is True
    undo = "PUT or DELETE it under /modalities" + ("" if kept else "; the next start of Orthanc forgets it too")
    remedy = f"write it into `modalities:` of the environment and deploy; or take it back: {undo}"
    wanted = {name: _modality(given) for name, given in (configuration.get("DicomModalities") or {}).items()}
    for name in sorted({*live, *wanted}):
        place = f"modality {name}"
        if name not in wanted:
            yield Drift("modality", place, _ABSENT, show(live[name], ("DicomModalities", name)), remedy)
        elif name not in live:
            yield Drift("modality", place, show(wanted[name], ("DicomModalities", name)), _ABSENT, remedy)
        else:
            found = _split(live[name])
            defaults = {key: fact.default for key, fact in keys_for(version, "modality").items()}
            for key in sorted(found):
                expected = wanted[name].get(key, defaults.get(key))
                # Where neither the release nor the table of keys says anything, Orthanc shows one of these.
                if found[key] != expected and not (expected is None and found[key] in _UNSET):
                    path = ("DicomModalities", name, key)
                    yield Drift("modality", f"{place}: {key}", show(expected, path), show(found[key], path), remedy)


def _modality(given: Any) -> dict[str, Any]:
    """An entry of ``DicomModalities``, which may be a list: AET, host, port, manufacturer."""
    if isinstance(given, list):
        return dict(zip(("AET", "Host", "Port", "Manufacturer"), given, strict=False))
    return _split(given)


def _split(entry: Mapping[str, Any]) -> dict[str, Any]:
    both = entry.get("AllowStorageCommitment")
    rest = {key: value for key, value in entry.items() if key != "AllowStorageCommitment"}
    return rest if both is None else {**dict.fromkeys(_STORAGE_COMMITMENT, both), **rest}


def system(live: Mapping[str, Any], configuration: Mapping[str, Any], version: str) -> Iterator[Drift]:
    """Settings of the running Orthanc that are not those of the release.

    Args:
        live: ``GET /system``.
        configuration: the release's orthanc.json.
        version: the Orthanc that the release wants.
    """
    remedy = "another Orthanc answers there, or it was started otherwise: deploy"
    if live.get("Version") != version:
        yield Drift("system", "Orthanc: Version", version, show(live.get("Version")), remedy)
    for key in _SYSTEM:
        if key in live and key in configuration and live[key] != configuration[key]:
            yield Drift("system", f"Orthanc: {key}", show(configuration[key], (key,)), show(live[key], (key,)), remedy)


def container_facts(attributes: Mapping[str, Any]) -> dict[str, object]:
    """What makes a container what it is, of ``docker inspect``; goes into :attr:`.model.Release.facts`.

    Programs, arguments and environment may hold a secret where somebody made the container by hand: their digest alone
    is kept.
    """
    config, host = attributes.get("Config") or {}, attributes.get("HostConfig") or {}
    networks = (attributes.get("NetworkSettings") or {}).get("Networks") or {}
    program = [config.get("Entrypoint"), config.get("Cmd"), sorted(config.get("Env") or ())]
    return {
        "image": attributes.get("Image", ""),
        "program": hashlib.sha256(json.dumps(program).encode()).hexdigest(),
        "user": config.get("User", ""),
        "privileged": bool(host.get("Privileged")),
        "read_only": bool(host.get("ReadonlyRootfs")),
        "cap_add": sorted(host.get("CapAdd") or ()),
        "cap_drop": sorted(host.get("CapDrop") or ()),
        "security_opt": sorted(host.get("SecurityOpt") or ()),
        "mounts": sorted(_mount(mount) for mount in attributes.get("Mounts") or ()),
        "tmpfs": sorted(host.get("Tmpfs") or ()),
        "ports": sorted(_ports(host.get("PortBindings") or {})),
        "networks": sorted(_network(name, network or {}) for name, network in networks.items()),
        "restart": (host.get("RestartPolicy") or {}).get("Name", ""),
        "memory_bytes": host.get("Memory") or 0,
        "pids_limit": host.get("PidsLimit") or 0,
    }


def _mount(mount: Mapping[str, Any]) -> str:
    source = mount.get("Name") or mount.get("Source", "")
    return f"{mount.get('Type')} {source} -> {mount.get('Destination')} {'rw' if mount.get('RW') else 'ro'}"


def _ports(bindings: Mapping[str, Any]) -> Iterator[str]:
    for port, hosts in bindings.items():
        for host in hosts or ():
            yield f"{host.get('HostIp') or '0.0.0.0'}:{host.get('HostPort')} -> {port}"  # noqa: S104 - what it means


def _network(name: str, network: Mapping[str, Any]) -> str:
    fixed = (network.get("IPAMConfig") or {}).get("IPv4Address")
    return f"{name} {fixed}" if fixed else name


def containers(live: Mapping[str, Mapping[str, Any]], release: Release) -> Iterator[Drift]:
    """Containers that are missing, additional, not well, or not as they were right after the deploy.

    Args:
        live: ``docker inspect`` of every container of the project, by the name of its service.
        release: the current one; its ``facts`` hold :func:`container_facts` of each service.
    """
    deploy = f"orthancgen deploy {release.draft.environment}"
    for service in release.draft.digests:
        place = f"container {service}"
        if service not in live:
            yield Drift("container", place, "running", _ABSENT, deploy)
            continue
        found, wanted = container_facts(live[service]), release.facts.get(service, {})
        for key, value in found.items():
            if key in wanted and wanted[key] != value:
                digest = key == "program"
                yield Drift(
                    "container",
                    f"{place}: {'program, arguments or environment' if digest else key}",
                    "those of the release" if digest else show(wanted[key], (key,)),
                    "others" if digest else show(value, (key,)),
                    f"it was made or changed by hand: {deploy}",
                )
        yield from _health(place, live[service].get("State") or {}, live[service].get("RestartCount") or 0, release)
    for service in live:
        if service not in release.draft.digests:
            yield Drift("container", f"container {service}", _ABSENT, "a container of the project", deploy)


def _health(place: str, state: Mapping[str, Any], restarts: int, release: Release) -> Iterator[Drift]:
    environment = release.draft.environment
    status = state.get("Status")
    if status != "running":
        ended = f", exit code {state.get('ExitCode')}" if status == "exited" else ""
        killed = ", out of memory" if state.get("OOMKilled") else ""
        yield Drift("health", place, "running", f"{status}{ended}{killed}", f"orthancgen logs {environment}")
    health = (state.get("Health") or {}).get("Status", "healthy")
    if status == "running" and health not in {"healthy", "starting"}:  # the engine's first look at it is to come
        yield Drift("health", place, "healthy", str(health), f"orthancgen logs {environment}")
    if restarts:
        found = f"restarted {restarts} time{'s' if restarts > 1 else ''} by itself"
        yield Drift("health", place, "no restarts", found, f"orthancgen logs {environment}")


def files(live: Mapping[str, str], wanted: Mapping[str, str], environment: str) -> Iterator[Drift]:
    """Files that were placed for a service and changed since.

    Args:
        live: path -> digest of its bytes.
        wanted: likewise; the same kind of digest.
        environment: its name.
    """
    remedy = f"change the environment instead; to have the files as they were: orthancgen deploy {environment} --repair"
    for path in sorted({*live, *wanted}):
        if live.get(path) != wanted.get(path):
            found = "other bytes" if path in live else _ABSENT
            yield Drift("file", path, "the file of the release" if path in wanted else _ABSENT, found, remedy)


def certificates(
    ends: Mapping[str, datetime], now: datetime, environment: str, warn_days: int = WARN_DAYS
) -> Iterator[Drift]:
    """Certificates that end soon, or have ended.

    Args:
        ends: name of each -> ``notAfter``, with its time zone.
        now: the time, with its time zone.
        environment: its name.
        warn_days: how many days before its end a certificate is reported.
    """
    for name, end in sorted(ends.items()):
        days = (end - now).days
        if days < warn_days:
            ended = f"ended {-days} day{'s' if days < -1 else ''} ago" if end <= now else f"{days} days left"
            yield Drift(
                "certificate",
                f"certificate {name}",
                f"at least {warn_days} days left",
                f"{ended} ({end:%Y-%m-%d})",
                f"renew it, then orthancgen deploy {environment}",
            )


def volumes(live: Iterable[str], wanted: Iterable[str], environment: str) -> Iterator[Drift]:
    """Volumes that are gone, and what was stored with them."""
    for name in sorted({*wanted} - {*live}):
        remedy = f"restore a backup: orthancgen deploy {environment} would make an empty one"
        yield Drift("volume", f"volume {name}", "there", _ABSENT, remedy)
