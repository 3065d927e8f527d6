"""Where a container keeps what must not be lost, and whether it is lost with it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Final

from orthancgen.audit.subject import Orthanc
from orthancgen.foreign.model import ComposeService
from orthancgen.site.problems import KeyPath, Mark

OF_DATABASES: Final[Mapping[str, str]] = {"mongo": "/data/db", "postgres": "/var/lib/postgresql/data"}
"""Role of a service -> the folder of its records in the official image."""
_ELSEWHERE: Final = {
    "StorageDirectory": (("PostgreSQL", "EnableStorage"), ("MySQL", "EnableStorage"), ("Odbc", "EnableStorage")),
    "IndexDirectory": (("PostgreSQL", "EnableIndex"), ("MySQL", "EnableIndex"), ("Odbc", "EnableIndex")),
}
_OBJECT_STORES: Final = ("AwsS3Storage", "AzureBlobStorage", "GoogleCloudStorage")


def folders_of(orthanc: Orthanc) -> dict[str, str]:
    """The folders in which an Orthanc keeps what must not be lost, by key; those that are known and are its own."""
    found: dict[str, str] = {}
    for key, elsewhere in _ELSEWHERE.items():
        folder = orthanc.get(key)
        if not isinstance(folder, str) or not folder.startswith("/") or any(_on(orthanc, *one) for one in elsewhere):
            continue
        if key == "StorageDirectory" and any(isinstance(orthanc.values.get(one), Mapping) for one in _OBJECT_STORES):
            continue
        if folder not in found.values():
            found[key] = posixpath.normpath(folder)
    return found


def _on(orthanc: Orthanc, section: str, key: str) -> bool:
    settings = orthanc.values.get(section)
    return isinstance(settings, Mapping) and settings.get(key) is True


def loss(service: ComposeService, folder: str) -> str:
    """Why what is in a folder of a container is lost with it; "" where it is not."""
    around = [
        mount
        for mount in service.mounts
        if folder == posixpath.normpath(mount.target) or folder.startswith(f"{posixpath.normpath(mount.target)}/")
    ]
    if not around:
        return "are on no volume of their own, and go with the container"
    nearest = max(around, key=lambda mount: len(posixpath.normpath(mount.target)))
    if nearest.kind == "tmpfs":
        return "are in memory, and go when the container stops"
    if nearest.kind == "volume" and not nearest.source:
        return "are on a volume without a name, which is lost when the container is made anew"
    return ""


def place_of(service: ComposeService, folder: str) -> tuple[Mark, KeyPath]:
    """Where a container is given a folder, or would be."""
    for mount in service.mounts:
        if posixpath.normpath(mount.target) == folder:
            return mount.mark, mount.path
    node, _ = service.node.find(("volumes",))
    return node.key_mark or node.mark, (*service.path, "volumes")
