"""What will exist, in no vendor's syntax: services, permitted flows, files' owners and the secrets they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from orthancgen.orthanc.keys import Version
from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath

ServiceName = Literal[
    "database", "postgresql", "orthanc", "backend", "analysis", "viewer", "gateway", "database-account"
]  # fmt: skip
"""`database-account` runs once, to make the backend's account on the database, and is no service of the plan."""
Purpose = Literal["password", "token", "pem", "credential", "wireguard", "replica_key"]
"""`wireguard`: a private key of the VPN. `replica_key`: the key file of a replica set of MongoDB. `credential`: what
somebody else decides, such as the login of a store; never generated, nor judged."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A TCP port on which a service listens; ``said_by`` is the key path that decides the port."""

    name: str
    address: str
    port: int
    said_by: KeyPath


@dataclass(frozen=True, slots=True)
class Service:
    """A process that runs; it starts when those it needs are healthy."""

    name: ServiceName
    title: str
    listeners: tuple[Listener, ...]
    needs: tuple[ServiceName, ...] = ()


ANYONE: Final = "anyone"
THIS_HOST: Final = "this host"


@dataclass(frozen=True, slots=True)
class Flow:
    """Permitted traffic: ``source`` may reach a listener, and why.

    ``source`` is a CIDR network, a service's name, ``anyone``, or ``this host`` for what never leaves it.
    """

    source: str
    service: ServiceName
    port: int
    reason: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by reference: what it is for, and which services stop working when it changes."""

    name: str
    purpose: Purpose
    said_by: KeyPath
    used_by: tuple[ServiceName, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """An account on Orthanc: a person or a service, with the role that the Lua script enforces."""

    user: str
    role: str
    secret: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that follows from a site for one version of Orthanc."""

    site: Site
    version: Version
    services: tuple[Service, ...]
    flows: tuple[Flow, ...]
    secrets: tuple[Secret, ...]
    accounts: tuple[Account, ...]
    image_digests: Mapping[str, str] = field(default_factory=dict)
    """Image as the model names it -> `sha256:...`: the very content that runs, where it is known."""

    def service(self, name: ServiceName) -> Service:
        """The service of that name.

        Raises:
            KeyError: the plan has no such service.
        """
        return self.by_name[name]

    @property
    def by_name(self) -> Mapping[str, Service]:
        """The services by name."""
        return {service.name: service for service in self.services}

    @property
    def listeners(self) -> tuple[Listener, ...]:
        """Every listener of every service."""
        return tuple(listener for service in self.services for listener in service.listeners)
