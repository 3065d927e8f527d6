"""`scale:` one archive on several machines: how many of each program, and where their archive is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orthancgen.site.types import DatabaseName, Host, Port, SecretRef, Section, UserName, reference

Replicas = Annotated[int, Field(ge=1, le=16)]


class IndexDatabase(Section):
    """The PostgreSQL of Orthanc's index, and of its images where they are wanted there too."""

    host: Host | None = None
    """A PostgreSQL that is there already; without it, one of the environment's own (`runtime: swarm`, `kubernetes`)."""
    port: Port = 5432
    name: DatabaseName = "orthanc"
    user: UserName = "orthanc"
    password: SecretRef = reference("postgresql_password")
    tls: bool = False
    """Connect by TLS: for a PostgreSQL that is reached over a network of others."""
    connections: int = Field(default=10, ge=1, le=100)
    """Connections that each Orthanc opens."""


class Scale(Section):
    """How many of each program serve the one archive. Without it, each runs once."""

    orthancs: Replicas = 1
    """How many Orthancs serve the archive; more than one need `index: postgresql` and images that all of them see."""
    backends: Replicas = 1
    """How many backends; one of them follows Orthanc at a time, and another takes over when it ends."""
    index: Literal["sqlite", "postgresql"] = "sqlite"
    """Where Orthanc keeps its index: in a file of its own, or in PostgreSQL, which several Orthancs may share."""
    storage: Literal["folder", "shared_folder", "postgresql", "object_storage"] = "folder"
    """Where the images are: a folder of one Orthanc, one that every machine mounts, PostgreSQL, or a bucket (S3)."""
    postgresql: IndexDatabase = IndexDatabase()
    encrypt_networks: bool = True
    """`runtime: swarm`: encrypt what containers of different nodes say to one another (IPsec). Off where a tunnel
    between the nodes does so already (WireGuard), or where their kernels have no ESP."""
