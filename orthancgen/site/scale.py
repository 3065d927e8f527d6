"""`scale:` one archive on several machines: how many of each program, and where their archive is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orthancgen.site.types import (
    DatabaseName,
    Host,
    HostAndPort,
    Items,
    Port,
    ReplicaSetName,
    SecretRef,
    Section,
    UserName,
    reference,
)

Replicas = Annotated[int, Field(ge=1, le=16)]


class IndexDatabase(Section):
    """The PostgreSQL of Orthanc's index, and of its images where they are wanted there too."""

    host: Host | None = None
    """A PostgreSQL that is there already; without it, one of the environment's own (`runtime: swarm`, `kubernetes`)."""
    port: Port = 5432
    """Of PostgreSQL."""
    name: DatabaseName = "orthanc"
    user: UserName = "orthanc"
    password: SecretRef = reference("postgresql_password")
    """Of that account."""
    tls: bool = False
    """Connect by TLS: for a PostgreSQL that is reached over a network of others."""
    authority: SecretRef | None = None
    """Authority of its certificate (PEM), which must be for `host`. `tls` needs it: the plugin checks no other."""
    connections: int = Field(default=10, ge=1, le=100)
    """Connections that each Orthanc opens."""


class RecordsDatabase(Section):
    """The MongoDB of the backend's records, where it is a replica set: one's own, or one that is there already.

    The database's name and the password of the backend's account on it are those of `backend.database`.
    """

    hosts: Items[HostAndPort] = ()
    """Members of a replica set that is there already; without them, the environment's own (`databases`)."""
    replica_set: ReplicaSetName = Field(default="orthancgen", description="Name of the replica set.")
    key: SecretRef = reference("database_key")
    """What the members of the environment's own replica set prove to one another that they belong to it with."""
    user: UserName = Field(
        default="orthancgen_backend",
        description="The backend's account on the replica set that is there already: it may read and write "
        "`backend.database.name`.",
    )
    auth_source: DatabaseName | None = None
    """Database in which that account is; without it, the one with the records. A managed MongoDB has it in `admin`."""
    tls: bool = False
    """Connect by TLS to the replica set that is there already."""
    authority: SecretRef | None = None
    """Authority of its certificates (PEM); without it, those that Node.js trusts."""


class Bucket(Section):
    """The login of the bucket (S3); without one, Orthanc's plugin takes the identity of the pod or the host.

    The bucket itself is named by `orthanc.settings`, in the section AwsS3Storage.
    """

    access_key: SecretRef | None = None
    """The id of the access key."""
    secret_key: SecretRef | None = None
    """The access key itself."""


class Scale(Section):
    """How many of each program serve the one archive. Without it, each runs once."""

    orthancs: Replicas = 1
    """How many Orthancs serve the archive; more than one need `index: postgresql` and images that all of them see."""
    backends: Replicas = 1
    """How many backends; one of them follows Orthanc at a time, and another takes over when it ends."""
    databases: Literal[1, 3, 5] = 1
    """Members of the replica set of MongoDB; of 3, one may fail, of 5, two. One alone is no replica set."""
    index: Literal["sqlite", "postgresql"] = "sqlite"
    """Where Orthanc keeps its index: in a file of its own, or in PostgreSQL, which several Orthancs may share."""
    storage: Literal["folder", "shared_folder", "postgresql", "object_storage"] = "folder"
    """Where the images are: a folder of one Orthanc, one that every machine mounts, PostgreSQL, or a bucket (S3)."""
    postgresql: IndexDatabase = IndexDatabase()
    mongodb: RecordsDatabase = RecordsDatabase()
    bucket: Bucket = Bucket()
    encrypt_networks: bool = True
    """`runtime: swarm`: encrypt what containers of different nodes say to one another (IPsec). Off where a tunnel
    between the nodes does so already (WireGuard), or where their kernels have no ESP."""
