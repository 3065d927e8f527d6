"""``plan(site)``: derive services, flows, secrets and accounts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orthancgen.orthanc.keys import Version
from orthancgen.plan.addresses import LOOPBACK
from orthancgen.plan.gateway import call_ports, has_gateway, plain_modalities
from orthancgen.plan.model import (
    ANYONE,
    THIS_HOST,
    Account,
    Flow,
    Listener,
    Plan,
    Purpose,
    Secret,
    Service,
    ServiceName,
)
from orthancgen.plan.sources import arrival
from orthancgen.site.checks import secret_references, target_version
from orthancgen.site.model import Site
from orthancgen.site.problems import format_path
from orthancgen.site.types import is_ip, is_loopback

BACKEND_ACCOUNT = "orthancgen-backend"
VIEWER_ACCOUNT = "orthancgen-viewer"
ANALYSIS_ACCOUNT = "orthancgen-analysis"
METRICS_ACCOUNT = "orthancgen-metrics"
SERVICE_ACCOUNTS = (BACKEND_ACCOUNT, VIEWER_ACCOUNT, ANALYSIS_ACCOUNT, METRICS_ACCOUNT)
"""Accounts on Orthanc that are nobody's of the model: each is a service's own."""
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  Orthanc's DICOM port always listens on every address


def plan(site: Site, version: Version | None = None, image_digests: Mapping[str, str] | None = None) -> Plan:
    """Derive the plan.

    Args:
        site: what is wanted.
        version: the Orthanc that will run, as loading the environment found it; without it, what the site names.
        image_digests: the content of images, by which they are named where it is known: image -> `sha256:...`.
    """
    version = version or target_version(site)
    services, flows = (_services, _flows) if site.runtime == "native" else (_containers, _container_flows)
    return Plan(
        site,
        version,
        tuple(services(site)),
        tuple(flows(site)),
        tuple(_secrets(site)),
        tuple(_accounts(site)),
        dict(image_digests or {}),
    )


def _services(site: Site) -> Iterator[Service]:
    if site.backend.enabled:
        database = Listener("database", LOOPBACK, site.backend.database.port, ("backend", "database", "port"))
        yield Service("database", "MongoDB-compatible database", (database,))
    yield Service(
        "orthanc",
        "Orthanc",
        (
            Listener("DICOM", ANY_ADDRESS, site.dicom.port, ("dicom", "port")),
            Listener("HTTP", site.http.listen_on, site.http.port, ("http", "port")),
        ),
    )
    if site.backend.enabled:
        backend = Listener("backend", site.backend.listen_on, site.backend.port, ("backend", "port"))
        yield Service("backend", "Backend", (backend,), needs=("database",))
    if site.analysis.enabled:
        analysis = Listener("analysis", LOOPBACK, site.analysis.port, ("analysis", "port"))
        yield Service("analysis", "Analysis", (analysis,), needs=("orthanc",))
    if site.viewer.enabled:
        yield Service("viewer", "Viewer", (_viewer(site),), needs=("backend", "orthanc"))


def _viewer(site: Site) -> Listener:
    return Listener("viewer", site.viewer.listen_on, site.viewer.port, ("viewer", "port"))


def _containers(site: Site) -> Iterator[Service]:
    """The services with what they publish on the host."""
    dicom = Listener("DICOM", site.dicom.published_on or ANY_ADDRESS, site.dicom.port, ("dicom", "port"))
    http = Listener("HTTP", site.http.listen_on, site.http.port, ("http", "port"))
    backend = Listener("backend", site.backend.listen_on, site.backend.port, ("backend", "port"))
    plain = Listener(
        "DICOM without TLS", site.dicom.published_on or ANY_ADDRESS, site.dicom.plain.port, ("dicom", "plain", "port")
    )
    https = site.http.tls.enabled
    database: tuple[ServiceName, ...] = ("database",) if has_own_database(site) else ()
    if database:
        yield Service("database", "MongoDB-compatible database", ())
    index: tuple[ServiceName, ...] = ("postgresql",) if has_own_postgresql(site) else ()
    if index:
        yield Service("postgresql", "PostgreSQL of Orthanc's index", ())
    yield Service("orthanc", "Orthanc", (dicom,) if https else (dicom, http), needs=index)
    if site.backend.enabled:
        yield Service("backend", "Backend", () if https else (backend,), needs=database)
    if site.analysis.enabled:
        yield Service("analysis", "Analysis", (), needs=("orthanc",))
    if site.viewer.enabled:
        yield Service("viewer", "Viewer", () if https else (_viewer(site),), needs=("backend", "orthanc"))
    if has_gateway(site):
        behind = (
            http,
            *((backend,) if site.backend.enabled else ()),
            *((_viewer(site),) if site.viewer.enabled else ()),
        )
        web = behind if https else ()
        yield Service("gateway", "Gateway", (*web, plain) if site.dicom.plain.enabled else web, needs=("orthanc",))


def _container_flows(site: Site) -> Iterator[Flow]:
    plain, called_by = plain_modalities(site), call_ports(site)
    yield from _callers(site)
    if site.verification.enabled:
        yield Flow(THIS_HOST, "orthanc", site.dicom.port, "orthancgen verify")
    if plain:
        yield Flow("gateway", "orthanc", site.dicom.port, "modalities without TLS, by TLS from here on")
        for name, port in called_by.items():
            yield Flow("orthanc", "gateway", port, f"Orthanc's own calls to {name}")
    https = site.http.tls.enabled
    yield from _users(site, "gateway" if https else None)
    if https:
        yield Flow("gateway", "orthanc", site.http.port, "HTTPS ends at the gateway")
        if site.backend.enabled:
            yield Flow("gateway", "backend", site.backend.port, "HTTPS ends at the gateway")
        if site.viewer.enabled:
            yield Flow("gateway", "viewer", site.viewer.port, "HTTPS ends at the gateway")
    if has_own_postgresql(site):
        yield Flow("orthanc", "postgresql", site.scale.postgresql.port, "Orthanc keeps its index")
    if site.backend.enabled:
        yield from _backend_flows(site)


def _callers(site: Site) -> Iterator[Flow]:
    """Those who call by DICOM from other hosts, by the addresses with which they come here."""
    dicom, plain, arrived = site.dicom, plain_modalities(site), arrival(site)
    if dicom.ae_checks.calling_aet == "anyone":
        may = ", ".join(dicom.ae_checks.anyone_may) or "nothing"
        yield Flow(ANYONE, "orthanc", dicom.port, f"anyone may call: {may}")
    for name, modality in site.modalities.items():
        service: ServiceName = "gateway" if name in plain else "orthanc"
        port = dicom.plain.port if name in plain else dicom.port
        reason = f"modality {name}, without TLS" if name in plain else f"modality {name}"
        if not arrived.filtered_by_source and arrived.seen is not None:
            yield Flow(_one(arrived.seen), service, port, f"{reason}, by way of {arrived.by}")
        elif is_ip(modality.address):
            yield Flow(_one(modality.address), service, port, reason)


def has_own_postgresql(site: Site) -> bool:
    """Whether the PostgreSQL of the index is one of the environment's own."""
    return site.scale.index == "postgresql" and site.scale.postgresql.host is None


def has_own_database(site: Site) -> bool:
    """Whether the database of the records is one of the environment's own."""
    return site.backend.enabled and not site.scale.mongodb.hosts


def _users(site: Site, front: ServiceName | None) -> Iterator[Flow]:
    """Those who come by HTTP; `front` is what stands before all services, where something does."""
    for networks, reason in (
        (site.network.allowed_sources, "network of the users"),
        (site.network.managed_from, "network of the administrators"),
    ):
        for network in networks:
            if not is_loopback(site.http.listen_on):
                yield Flow(network, front or "orthanc", site.http.port, reason)
            if site.backend.enabled and not is_loopback(site.backend.listen_on):
                yield Flow(network, front or "backend", site.backend.port, reason)
            if site.viewer.enabled and not is_loopback(site.viewer.listen_on):
                yield Flow(network, front or "viewer", site.viewer.port, reason)
    if site.observability.prometheus:
        for network in site.observability.scraped_from:
            if not is_loopback(site.http.listen_on):
                yield Flow(network, front or "orthanc", site.http.port, "Prometheus")
            if site.backend.enabled and not is_loopback(site.backend.listen_on):
                yield Flow(network, front or "backend", site.backend.port, "Prometheus")


def _one(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _backend_flows(site: Site) -> Iterator[Flow]:
    yield Flow("backend", "orthanc", site.http.port, "the backend follows Orthanc's changes")
    if has_own_database(site):
        yield Flow("backend", "database", site.backend.database.port, "the backend keeps its records")
    if site.scale.databases > 1:
        yield Flow("database", "database", site.backend.database.port, "the members of the replica set are in step")
    if site.webhook.enabled and site.webhook.url is None:
        yield Flow("orthanc", "backend", site.backend.port, "Orthanc wakes the backend")
    if site.viewer.enabled:
        yield Flow("viewer", "backend", site.backend.port, "the viewer's pages show the backend's records")
        yield Flow("viewer", "orthanc", site.http.port, "the viewer fetches images by DICOMweb")
    if site.analysis.enabled:
        yield Flow("backend", "analysis", site.analysis.port, "the backend has studies analysed")
        yield Flow("analysis", "orthanc", site.http.port, "the analysis fetches images by DICOMweb")


def _flows(site: Site) -> Iterator[Flow]:
    yield from _callers(site)
    if site.verification.enabled:
        yield Flow(THIS_HOST, "orthanc", site.dicom.port, "orthancgen verify")
    yield from _users(site, None)
    if site.backend.enabled:
        yield from _backend_flows(site)


_USES: tuple[tuple[str, Purpose, tuple[ServiceName, ...]], ...] = (
    ("users.", "password", ("orthanc",)),
    ("webhook.token", "token", ("orthanc", "backend")),
    ("backend.database.password", "password", ("database", "backend")),
    ("backend.orthanc_password", "password", ("orthanc", "backend")),
    ("backend.operator_token", "token", ("backend",)),
    ("viewer.orthanc_password", "password", ("orthanc", "viewer")),
    ("analysis.orthanc_password", "password", ("orthanc", "analysis")),
    ("analysis.token", "token", ("backend", "analysis")),
    ("scale.postgresql.password", "password", ("orthanc",)),
    ("scale.postgresql.authority", "pem", ("orthanc",)),
    ("scale.bucket.", "credential", ("orthanc",)),
    ("scale.mongodb.key", "replica_key", ("database",)),
    ("scale.mongodb.authority", "pem", ("backend",)),
    ("certificates.", "pem", ()),
    ("dicom.tls.", "pem", ("orthanc",)),
    ("http.tls.", "pem", ("orthanc", "backend")),
    ("network.vpn.", "wireguard", ()),
    ("observability.orthanc_password", "password", ("orthanc",)),
    ("observability.backend_token", "token", ("backend",)),
    ("backup.environment.", "credential", ()),
    ("backup.", "password", ()),
)
"""Start of the key path of a secret -> what it is, and which services read it."""
_USES_IN_CONTAINERS: tuple[tuple[str, Purpose, tuple[ServiceName, ...]], ...] = (
    ("backend.database.password", "password", ("backend", "database-account")),
    ("backend.database.root_password", "password", ("database", "database-account")),
    ("dicom.plain.client_certificate", "pem", ("gateway",)),
    ("scale.postgresql.password", "password", ("orthanc", "postgresql")),
    ("http.tls.certificate", "pem", ("gateway",)),
    ("http.tls.authority", "pem", ()),
    *_USES,
)
"""The same where the gateway ends TLS, and the database's accounts are made by a program that runs once."""


def _secrets(site: Site) -> Iterator[Secret]:
    uses = _USES if site.runtime == "native" else _USES_IN_CONTAINERS
    for path, reference in secret_references(site):
        written = format_path(path)
        purpose, used_by = next((use[1], use[2]) for use in uses if written.startswith(use[0]))
        if path == ("dicom", "tls", "trusted") and site.dicom.plain.enabled:
            used_by = (*used_by, "gateway")
        if path[0] == "users" and site.viewer.enabled:
            used_by = (*used_by, "backend")  # by their hashes: who may log in to the pages
        yield Secret(reference.secret, purpose, path, used_by)


def _accounts(site: Site) -> Iterator[Account]:
    for name, user in site.users.items():
        yield Account(name, user.role, user.password.secret)
    if site.backend.enabled:
        # It stores nothing but signed reports and results, and only where the site wants them with the images.
        reports = site.viewer.enabled and site.reports.store_to_orthanc
        stores = reports or (site.analysis.enabled and site.analysis.store_sr)
        role = "service_that_stores" if stores else "service"
        yield Account(BACKEND_ACCOUNT, role, site.backend.orthanc_password.secret)
    if site.viewer.enabled:
        yield Account(VIEWER_ACCOUNT, "viewer", site.viewer.orthanc_password.secret)
    if site.analysis.enabled:
        password = site.analysis.orthanc_password.secret
        yield Account(ANALYSIS_ACCOUNT, "service_that_reads_images", password)
    if site.observability.prometheus:
        yield Account(METRICS_ACCOUNT, "service_metrics", site.observability.orthanc_password.secret)
