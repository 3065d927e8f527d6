"""`orthanc:` the server itself: version, name, AE title, storage, limits, and any other key of Orthanc."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from orthancgen.orthanc.keys import Version
from orthancgen.site.types import AbsolutePath, AETitle, Items, PlainText, Section


def _version(value: str) -> str:
    if value == "auto":
        return value
    return str(Version.parse(value))


OrthancVersion = Annotated[
    str,
    AfterValidator(_version),
    Field(
        description="Version of Orthanc, such as 1.13.0, or `auto`: the version of the installed server.",
        json_schema_extra={"pattern": r"^(auto|[0-9]+\.[0-9]+\.[0-9]+)$"},
        examples=["1.13.0", "auto"],
    ),
]


class Storage(Section):
    """Where Orthanc keeps the images, and how much of them."""

    path: AbsolutePath | None = None
    """Folder of the images; without it, the state folder of the environment."""
    index_path: AbsolutePath | None = None
    """Folder of the index database; without it, the same as `path`."""
    compress: bool = False
    """Compress the files on disk: saves space, costs time."""
    limit_megabytes: int = Field(default=0, ge=0)
    """Most megabytes of images; 0 is no limit."""
    limit_patients: int = Field(default=0, ge=0)
    """Most patients; 0 is no limit."""
    when_full: Literal["reject", "recycle"] = "reject"
    """`reject` refuses new images at the limit; `recycle` deletes the oldest patients without asking."""
    keep_checksums: bool = True
    """Keep an MD5 checksum of each file, so that damage is noticed."""
    same_instance_again: Literal["keep_first", "replace"] = "keep_first"
    """What happens when an instance arrives that is already there."""


class Limits(Section):
    """Bounds that keep one request from taking the whole server."""

    find_results: int = Field(default=100, ge=0)
    """Most patients, studies or series in an answer to a query; 0 is no limit."""
    find_instances: int = Field(default=100, ge=0)
    """Most instances in an answer to a query; 0 is no limit."""
    request_megabytes: int = Field(default=2048, ge=1)
    """Largest body of an HTTP request (Orthanc 1.12.11 and newer)."""
    archive_file_megabytes: int = Field(default=2048, ge=1)
    """Largest file in an uploaded archive (Orthanc 1.12.11 and newer)."""
    http_threads: int = Field(default=50, ge=1, le=1024)
    """Threads that answer HTTP requests."""
    jobs: int = Field(default=2, ge=1, le=64)
    """Jobs that run at the same time."""
    association_seconds: int = Field(default=30, ge=1, le=3600)
    """How long a silent DICOM association is kept open."""


class Orthanc(Section):
    """The Orthanc server."""

    aet: AETitle
    """By which devices call Orthanc."""
    """AE title of Orthanc: what modalities enter as the called AE title."""
    name: PlainText = "Orthanc"
    """Name of the server, as its web page shows it."""
    version: OrthancVersion = "auto"
    storage: Storage = Storage()
    limits: Limits = Limits()
    plugins: Items[Literal["dicomweb"]] = ()
    """Plugins to load, of those that the installation brings."""
    web_page: bool = True
    """Serve Orthanc's own page, Orthanc Explorer."""
    web_dav: bool = False
    """Serve the images as a network folder (WebDAV)."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Any other key of Orthanc, checked against the version above."""
