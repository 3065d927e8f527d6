"""What must hold where several of a program serve one archive, and where the containers of several hosts run it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orthancgen.orthanc.keys import Version
from orthancgen.site.checks import Violation
from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath
from orthancgen.site.types import is_ip, is_loopback

SEVERAL_WRITERS_SINCE = Version.parse("1.9.2")
"""First Orthanc that several may write one index with: it repeats a transaction that collided with another's.
https://orthanc.uclouvain.be/book/faq/scalability.html#concurrent-accesses-to-the-db-in-orthanc-1-9-2"""
_SEVERAL_HOSTS = frozenset({"swarm", "kubernetes"})


def orthancs_share_everything(site: Site) -> Iterator[Violation]:
    """Several Orthancs have one index and the same images, or each would have an archive of its own."""
    scale = site.scale
    if scale.orthancs > 1:
        if scale.index != "postgresql":
            yield Violation(
                ("scale", "orthancs"), f"{scale.orthancs} Orthancs would have {scale.orthancs} archives",
                "scale: {index: postgresql}, so that they share one index",
            )  # fmt: skip
        if scale.storage == "folder":
            yield Violation(
                ("scale", "orthancs"), "an image that one Orthanc has stored, the others could not read",
                "scale: {storage: shared_folder}, or storage: postgresql",
            )  # fmt: skip
    for field in ("orthancs", "backends"):
        if getattr(scale, field) > 1 and site.runtime not in _SEVERAL_HOSTS:
            yield Violation(
                ("scale", field), f"with runtime: {site.runtime}, each program runs once",
                "runtime: swarm, or kubernetes",
            )  # fmt: skip
    if scale.backends > 1 and not site.backend.enabled:
        yield Violation(("scale", "backends"), "the backend is switched off", "backend: {enabled: true}")
    if scale.storage in ("postgresql", "object_storage") and scale.index != "postgresql":
        yield Violation(
            ("scale", "storage"), "the index stays in a file of one Orthanc, and is lost with it",
            "scale: {index: postgresql}",
        )  # fmt: skip
    if scale.storage == "shared_folder" and site.runtime == "swarm" and site.orthanc.storage.path is None:
        yield Violation(
            ("orthanc", "storage", "path"), "the folder that every node mounts is not named",
            "orthanc: {storage: {path: /srv/orthanc}}, mounted by NFS on every node",
        )  # fmt: skip


def bucket_is_named(site: Site) -> Iterator[Violation]:
    """The section of the object store is there, without its keys, which are secrets of the model or none."""
    login = (site.scale.bucket.access_key, site.scale.bucket.secret_key)
    path: KeyPath = ("scale", "bucket")
    if site.scale.storage != "object_storage":
        if any(login):
            yield Violation(path, "there is no bucket: this has no effect", "scale: {storage: object_storage}")
        return
    if any(login) and not all(login):
        yield Violation(path, "a login is both, access_key and secret_key", "name both, or neither")
    section = site.orthanc.settings.get("AwsS3Storage")
    if not isinstance(section, dict) or not section.get("BucketName"):
        yield Violation(
            ("scale", "storage"), "the bucket is not named",
            "orthanc: {settings: {AwsS3Storage: {BucketName: ..., Region: ...}}}",
        )  # fmt: skip
        return
    for key in ("AccessKey", "SecretKey"):
        if key in section:
            yield Violation(
                ("orthanc", "settings", "AwsS3Storage", key), "a secret would stand in rendered files",
                "scale: {bucket: {access_key: {secret: ...}, secret_key: {secret: ...}}}, or the pod's identity",
                at="key",
            )  # fmt: skip


def index_database_is_there(site: Site) -> Iterator[Violation]:
    """The PostgreSQL of the index is named, or one that orthancgen brings; and nothing says it twice."""
    if site.scale.index != "postgresql":
        return
    host = site.scale.postgresql.host
    path: KeyPath = ("scale", "postgresql", "host")
    if host is None and site.runtime not in _SEVERAL_HOSTS:
        yield Violation(
            path, f"with runtime: {site.runtime}, orthancgen brings no PostgreSQL", "name one that is there already"
        )
    if host is None and site.runtime in _SEVERAL_HOSTS and site.images.postgres is None:
        yield Violation(("images", "postgres"), "no image of postgres is named", "images: {postgres: postgres:17.6}")
    if host is None and site.scale.postgresql.tls:
        yield Violation(
            ("scale", "postgresql", "tls"), "the PostgreSQL that orthancgen brings has no certificate",
            "tls: false; its network is encrypted, or by the cluster",
        )  # fmt: skip
    said = site.scale.postgresql
    if host is not None and said.tls and said.authority is None:
        yield Violation(
            ("scale", "postgresql", "tls"), "whoever is on the way could show a certificate, and be the database",
            "authority: {secret: NAME}, the PEM file of the authority that the server's certificate is of",
        )  # fmt: skip
    if said.authority is not None and not said.tls:
        yield Violation(("scale", "postgresql", "authority"), "without TLS there is nothing to check", "tls: true")
    if host is not None and is_ip(host) and is_loopback(host) and site.runtime != "native":
        yield Violation(path, f"in a container, {host} is the container itself", "the address of the host")
    for key in ("PostgreSQL", "DatabaseServerIdentifier"):
        if key in site.orthanc.settings:
            yield Violation(("orthanc", "settings", key), f"{key} is said by the model: scale", at="key")


def index_can_be_shared(site: Site, version: Version) -> Iterator[Violation]:
    """An Orthanc older than 1.9.2 spoils an index that another one writes too."""
    if site.scale.orthancs > 1 and version < SEVERAL_WRITERS_SINCE:
        yield Violation(
            ("scale", "orthancs"), f"Orthanc {version} cannot share its index with another that writes",
            f"use Orthanc {SEVERAL_WRITERS_SINCE} or newer",
        )  # fmt: skip


def several_hosts_are_told_apart(site: Site) -> Iterator[Violation]:
    """What only one host can have is not asked of several."""
    if site.runtime not in _SEVERAL_HOSTS:
        return
    if site.verification.enabled and site.verification.address is None:
        yield Violation(
            ("verification", "address"), "from which address `orthancgen verify` calls is known to nobody here",
            "the address of the host on which it will run, or enabled: false",
        )  # fmt: skip
    addresses: tuple[tuple[KeyPath, str | None], ...] = (
        (("dicom", "published_on"), site.dicom.published_on),
        (("http", "listen_on"), site.http.listen_on),
        (("backend", "listen_on"), site.backend.listen_on),
        (("viewer", "listen_on"), site.viewer.listen_on),
    )
    for path, address in addresses:
        anywhere = address in (None, "0.0.0.0", "127.0.0.1")  # noqa: S104
        if not anywhere or (address == "127.0.0.1" and path[0] == "dicom"):
            yield Violation(
                path, "each of several hosts has other addresses: a port is published on all of them, or on none",
                '"0.0.0.0", or 127.0.0.1 for not at all' if path[0] != "dicom" else "leave it out",
            )  # fmt: skip
    if not site.http.tls.enabled and not is_loopback(site.http.listen_on):
        yield Violation(
            ("http", "listen_on"), "what is reached from other hosts goes through the gateway, which ends HTTPS",
            "http: {tls: {enabled: true}}, or listen_on: 127.0.0.1",
        )  # fmt: skip
    if site.orthanc.storage.index_path is not None:
        yield Violation(
            ("orthanc", "storage", "index_path"), "a folder of one host is not that of another",
            "leave it out: the index lies beside the images, or in PostgreSQL",
        )  # fmt: skip
    if site.orthanc.storage.path is not None and site.runtime == "kubernetes":
        yield Violation(
            ("orthanc", "storage", "path"), "Kubernetes gives the images a volume by a claim, not a folder of a host",
            "leave it out; the overlay may name a StorageClass",
        )  # fmt: skip
    if site.runtime == "kubernetes" and site.network.firewall:
        yield Violation(
            ("network", "firewall"), "a packet filter of a node does not see which pod speaks to which",
            "firewall: []; NetworkPolicies are rendered from the same flows",
        )  # fmt: skip
    if site.backup.repository is not None:
        yield Violation(
            ("backup", "repository"), f"`orthancgen backup` does not reach the volumes of runtime: {site.runtime}",
            "leave it out, and save the volumes by the means of the cluster",
        )  # fmt: skip


SCALE_CHECKS: tuple[Callable[[Site], Iterator[Violation]], ...] = (
    orthancs_share_everything,
    bucket_is_named,
    index_database_is_there,
    several_hosts_are_told_apart,
)
SCALE_VERSION_CHECKS: tuple[Callable[[Site, Version], Iterator[Violation]], ...] = (index_can_be_shared,)
