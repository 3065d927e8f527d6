"""What the doctor says: a cause with its evidence, and what mends it. Values without secrets and patient data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

Area = Literal[
    "environment",  # the file, and whether it is what was deployed
    "engine",  # the container engine, or the supervisor
    "host",  # disk, clock, memory of the host
    "orthanc",  # its process: runs, or why it does not
    "database",  # its process, its account
    "backend",  # its process, its health
    "gateway",
    "way_in",  # names, routes, ports, firewalls, TLS, up to a connection
    "admission",  # AE titles, addresses, commands, presentation contexts
    "storage",  # room for images
    "scripts",  # the Lua script and its webhook
    "web",  # logins of the REST API
    "delivery",  # from Orthanc to the record: backlog, credentials
    "viewer",
    "analysis",
    "modalities",  # Orthanc's own calls to its peers
]
AREAS: Final[tuple[Area, ...]] = (
    "environment", "engine", "host", "orthanc", "database", "backend", "gateway", "way_in", "admission", "storage",
    "scripts", "web", "delivery", "viewer", "analysis", "modalities",
)  # fmt: skip
"""In the order in which questions are asked: what comes first explains what comes later."""

FixName = Literal["deploy", "repair", "restart", "renew_certificates", "load_firewall", "reconcile"]
"""deploy: bring up what is down or differs; repair: the same, every file and container made anew; restart: one service;
renew_certificates: issue what is due, then deploy; load_firewall: load the site's rules; reconcile: compare the whole
inventory now."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen.

    Attributes:
        text: what it was; a line of a log stands in it as it was written, without secrets.
        where: where it was seen: `log of orthanc`, `GET /system`, `connect to 192.168.10.5:4242`.
        at: when, as `2027-06-30 14:03:12`, where that is known.
    """

    text: str
    where: str
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to do.

    Attributes:
        text: what it is, in the imperative.
        command: the line to copy, with this site's names and ports; None where it is not done by a command.
        on: where it is done.
    """

    text: str
    command: str | None = None
    on: Literal["this host", "the modality", "the network", "the environment file"] = "this host"


@dataclass(frozen=True, slots=True)
class Fix:
    """What `doctor --fix` does about it; `service` is for restart alone."""

    name: FixName
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A cause that was found.

    Attributes:
        cause: its id in kebab-case, from the table of causes: `calling-aet-unknown`.
        title: the cause in one sentence, with this site's names.
        subject: what it is about: a service (`orthanc`), or `modality ct1`, or `caller CT9 at 192.168.10.77`.
        evidence: what was seen, at least one.
        remedies: what to do, in order, at least one.
        fix: what `--fix` can do about it; None where a person must.
        explains: areas in which what is wrong follows from this; no question of theirs is asked any more.
    """

    cause: str
    title: str
    subject: str
    evidence: tuple[Evidence, ...]
    remedies: tuple[Remedy, ...]
    fix: Fix | None = None
    explains: frozenset[Area] = field(default_factory=frozenset)

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return asdict(self) | {"explains": [area for area in AREAS if area in self.explains]}


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing that is no fault: a modality that is switched off, a refused caller of nobody's."""

    title: str
    evidence: tuple[Evidence, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return asdict(self)


Finding = Diagnosis | Note
