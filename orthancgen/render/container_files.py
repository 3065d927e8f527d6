"""What each container reads, besides its image: its folder of files and secrets, its user, and its volumes. Pure.

A service's folder on the engine's host holds the bundle's files of that service, and below ``secrets/`` the files that
:func:`mounts` lists. Everything in it belongs to the container's user, so that nobody else may read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.plan.model import Plan, Secret, ServiceName
from orthancgen.render.image_layouts import image_layout
from orthancgen.render.orthanc_json import INDEX_IN_CONTAINER

CONFIGURATION_FOLDER: Final = "/etc/orthancgen"
SECRETS_FOLDER: Final = "/run/secrets"
ORTHANC_SECRET_FILE: Final = "orthanc.secret.json"  # noqa: S105  a file's name
PEOPLE_FILE: Final = "people.json"
SECRET_MODE: Final = 0o400
STORAGE_VOLUME: Final = "orthanc-storage"
INDEX_VOLUME: Final = "orthanc-index"
DATABASE_VOLUME: Final = "database-data"
DATABASE_FOLDER: Final = "/data/db"

Kind = Literal["value", "orthanc", "people"]
"""`value`: the secret as it is; `orthanc`: the second configuration file of Orthanc, with accounts and token; `people`:
who may log in to the pages, with hashes of the passwords."""


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file in a service's folder ``secrets/``.

    Attributes:
        name: its name in that folder.
        kind: what its content is.
        secrets: the secrets that it is made from.
        target: its path in the container.
        uid, gid: its owner.
        mode: its permissions.
    """

    name: str
    kind: Kind
    secrets: tuple[str, ...]
    target: str
    uid: int
    gid: int
    mode: int = SECRET_MODE


@dataclass(frozen=True, slots=True)
class Volume:
    """Where a container keeps its data.

    Attributes:
        name: its name in the compose file.
        service: the one container that mounts it.
        target: where it is mounted.
        uid, gid: the owner that its root must have.
        host_folder: the folder of the engine's host that it is; None where the engine keeps it.
    """

    name: str
    service: ServiceName
    target: str
    uid: int
    gid: int
    host_folder: str | None = None


def project_name(environment: str) -> str:
    """Name of the Compose project: prefix of its containers, networks and volumes."""
    return f"orthancgen-{environment}"


def users(plan: Plan) -> Mapping[ServiceName, tuple[int, int]]:
    """Container -> the user and group as whom it runs."""
    layout = image_layout(plan.site.images)
    everybody: dict[ServiceName, tuple[int, int]] = {
        "database": (999, 999),  # of the image mongo
        "database-account": (10001, 10001),
        "postgresql": (999, 999),  # of the image postgres
        "orthanc": (layout.uid, layout.gid),
        "backend": (10001, 10001),
        "gateway": (10002, 10002),
        "viewer": (10003, 10003),
        "analysis": (10004, 10004),
    }
    return {name: user for name, user in everybody.items() if name in containers(plan)}


def containers(plan: Plan) -> tuple[ServiceName, ...]:
    """Every container of the plan, also the one that runs once."""
    names = tuple(service.name for service in plan.services)
    return (*names, "database-account") if "database" in names else names


def folder_variable(service: str) -> str:
    """The variable by which the compose file finds the folder of a service."""
    return f"ORTHANCGEN_{service.upper().replace('-', '_')}"


def mounts(plan: Plan) -> Mapping[ServiceName, tuple[SecretFile, ...]]:
    """Container -> the files of its folder ``secrets/``.

    ``database-account`` may have one more there, ``PREVIOUS_ROOT_PASSWORD`` of ``account_json``, while the password of
    the database's administrator is being changed.
    """
    return {name: tuple(_secret_files(plan, name)) for name in containers(plan)}


def _secret_files(plan: Plan, service: ServiceName) -> list[SecretFile]:
    uid, gid = users(plan)[service]
    read = [secret for secret in plan.secrets if service in secret.used_by]
    in_json = [secret.name for secret in read if _is_in_json(service, secret)]
    hashed = [secret.name for secret in read if service == "backend" and secret.said_by[0] == "users"]
    files = [
        SecretFile(secret.name, "value", (secret.name,), f"{SECRETS_FOLDER}/{secret.name}", uid, gid)
        for secret in read
        if secret.name not in in_json and secret.name not in hashed
    ]
    if hashed:
        target = f"{CONFIGURATION_FOLDER}/{PEOPLE_FILE}"
        files.insert(0, SecretFile(PEOPLE_FILE, "people", tuple(hashed), target, uid, gid))
    if in_json:
        target = f"{CONFIGURATION_FOLDER}/{ORTHANC_SECRET_FILE}"
        files.insert(0, SecretFile(ORTHANC_SECRET_FILE, "orthanc", tuple(in_json), target, uid, gid))
    return files


def _is_in_json(service: ServiceName, secret: Secret) -> bool:
    """Orthanc reads its users' passwords and the webhook's token as configuration, PEMs as files."""
    return service == "orthanc" and secret.purpose != "pem"


def volumes(plan: Plan) -> tuple[Volume, ...]:
    """The volumes, with the owners that they must have."""
    storage, user = plan.site.orthanc.storage, users(plan)
    target = image_layout(plan.site.images).storage
    found = [Volume(STORAGE_VOLUME, "orthanc", target, *user["orthanc"], storage.path)]
    if storage.index_path is not None:
        found.append(Volume(INDEX_VOLUME, "orthanc", INDEX_IN_CONTAINER, *user["orthanc"], storage.index_path))
    if "database" in user:
        found.append(Volume(DATABASE_VOLUME, "database", DATABASE_FOLDER, *user["database"]))
    return tuple(found)
