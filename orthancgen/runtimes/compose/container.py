"""A container as the engine says it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

PROJECT_LABEL: Final = "com.docker.compose.project"
SERVICE_LABEL: Final = "com.docker.compose.service"
_CALLED: Final = ("orthanc", "postgresql", "database")
"""Services that others call, in the order in which they end."""


@dataclass(frozen=True, slots=True)
class Container:
    """State of a container.

    Attributes:
        id: of the container.
        name: of the container.
        service: of the compose file.
        image: as it was named when the container was made.
        image_id: digest of the image's configuration, ``sha256:...``.
        status: created, running, paused, restarting, removing, exited or dead.
        health: starting, healthy or unhealthy; None without a health check.
        started_at: ISO 8601 in UTC; empty where it was never started.
        restart_count: how often the engine restarted it by itself.
        exit_code: of its last end; 0 while it runs.
        oom_killed: whether it was ended because its memory was not enough.
        labels: of the container.
        attributes: everything that ``docker inspect`` says of it.
    """

    id: str
    name: str
    service: str
    image: str
    image_id: str
    status: str
    health: str | None
    started_at: str
    restart_count: int
    exit_code: int
    oom_killed: bool
    labels: Mapping[str, str]
    attributes: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def pid(self) -> int:
        """Process id on the engine's host; 0 where it does not run."""
        return int((self.attributes.get("State") or {}).get("Pid") or 0)

    @property
    def uptime_seconds(self) -> int:
        """Since its start; 0 where it does not run."""
        if self.status != "running" or not self.started_at:
            return 0
        # Nanoseconds, which Python does not read.
        started = datetime.fromisoformat(self.started_at[:19]).replace(tzinfo=UTC)
        return max(0, int((datetime.now(UTC) - started).total_seconds()))

    @property
    def published_ports(self) -> frozenset[int]:
        """Ports of the host on which it is reached."""
        ports = (self.attributes.get("NetworkSettings") or {}).get("Ports") or {}
        return frozenset(int(host["HostPort"]) for hosts in ports.values() for host in hosts or ())

    @property
    def addresses(self) -> Mapping[str, str]:
        """Its address in each network, by the network's name without that of the project."""
        networks = (self.attributes.get("NetworkSettings") or {}).get("Networks") or {}
        prefix = f"{self.labels.get(PROJECT_LABEL, '')}_"
        return {name.removeprefix(prefix): one["IPAddress"] for name, one in networks.items() if one.get("IPAddress")}


def ends_when(labels: Mapping[str, str]) -> int:
    """Where a container comes when a project ends: who calls one that is gone already ends late."""
    service = labels.get(SERVICE_LABEL, "")
    return 1 + _CALLED.index(service) if service in _CALLED else 0


def container_of(found: Mapping[str, Any]) -> Container:
    """Of ``docker inspect``."""
    state, configuration = found["State"], found["Config"]
    labels: Mapping[str, str] = configuration.get("Labels") or {}
    started = str(state.get("StartedAt") or "")
    return Container(
        id=found["Id"],
        name=str(found["Name"]).removeprefix("/"),
        service=labels.get(SERVICE_LABEL, ""),
        image=configuration["Image"],
        image_id=found["Image"],
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status"),
        started_at="" if started.startswith("0001-") else started,  # Go's zero time
        restart_count=int(found.get("RestartCount", 0)),
        exit_code=int(state.get("ExitCode", 0)),
        oom_killed=bool(state.get("OOMKilled")),
        labels=labels,
        attributes=found,
    )
