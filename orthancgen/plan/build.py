"""``plan(site)``: derive services, flows, secrets and accounts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orthancgen.orthanc.keys import Version
from orthancgen.plan.addresses import LOOPBACK, verifier_seen
from orthancgen.plan.gateway import call_ports, has_gateway, plain_modalities
from orthancgen.plan.model import Account, Flow, Listener, Plan, Purpose, Secret, Service, ServiceName
from orthancgen.site.checks import secret_references, target_version
from orthancgen.site.model import Site
from orthancgen.site.problems import format_path
from orthancgen.site.types import is_ip, is_loopback

BACKEND_ACCOUNT = "orthancgen-backend"
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


def _containers(site: Site) -> Iterator[Service]:
    """The services with what they publish on the host."""
    dicom = Listener("DICOM", site.dicom.published_on or ANY_ADDRESS, site.dicom.port, ("dicom", "port"))
    http = Listener("HTTP", site.http.listen_on, site.http.port, ("http", "port"))
    backend = Listener("backend", site.backend.listen_on, site.backend.port, ("backend", "port"))
    plain = Listener(
        "DICOM without TLS", site.dicom.published_on or ANY_ADDRESS, site.dicom.plain.port, ("dicom", "plain", "port")
    )
    https = site.http.tls.enabled
    if site.backend.enabled:
        yield Service("database", "MongoDB-compatible database", ())
    yield Service("orthanc", "Orthanc", (dicom,) if https else (dicom, http))
    if site.backend.enabled:
        yield Service("backend", "Backend", () if https else (backend,), needs=("database",))
    if has_gateway(site):
        web = ((http, backend) if site.backend.enabled else (http,)) if https else ()
        yield Service("gateway", "Gateway", (*web, plain) if site.dicom.plain.enabled else web, needs=("orthanc",))


def _container_flows(site: Site) -> Iterator[Flow]:
    dicom, plain, called_by = site.dicom, plain_modalities(site), call_ports(site)
    if dicom.ae_checks.calling_aet == "anyone":
        may = ", ".join(dicom.ae_checks.anyone_may) or "nothing"
        yield Flow("anyone", "orthanc", dicom.port, f"anyone may call: {may}")
    for name, modality in site.modalities.items():
        if is_ip(modality.address) and name in plain:
            yield Flow(_one(modality.address), "gateway", dicom.plain.port, f"modality {name}, without TLS")
        elif is_ip(modality.address):
            yield Flow(_one(modality.address), "orthanc", dicom.port, f"modality {name}")
    if site.verification.enabled:
        yield Flow(_one(verifier_seen(site)), "orthanc", dicom.port, "orthancgen verify, on this host")
    if plain:
        yield Flow("gateway", "orthanc", dicom.port, "modalities without TLS, by TLS from here on")
        for name, port in called_by.items():
            yield Flow("orthanc", "gateway", port, f"Orthanc's own calls to {name}")
    front: ServiceName = "gateway" if site.http.tls.enabled else "orthanc"
    for network in (*site.network.allowed_sources, *site.network.managed_from):
        if not is_loopback(site.http.listen_on):
            yield Flow(network, front, site.http.port, "network of the users")
        if site.backend.enabled and not is_loopback(site.backend.listen_on):
            front_of_backend: ServiceName = "gateway" if site.http.tls.enabled else "backend"
            yield Flow(network, front_of_backend, site.backend.port, "network of the users")
    if site.http.tls.enabled:
        yield Flow("gateway", "orthanc", site.http.port, "HTTPS ends at the gateway")
        if site.backend.enabled:
            yield Flow("gateway", "backend", site.backend.port, "HTTPS ends at the gateway")
    if site.backend.enabled:
        yield from _backend_flows(site)


def _one(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _backend_flows(site: Site) -> Iterator[Flow]:
    yield Flow("backend", "orthanc", site.http.port, "the backend follows Orthanc's changes")
    yield Flow("backend", "database", site.backend.database.port, "the backend keeps its records")
    if site.webhook.enabled and site.webhook.url is None:
        yield Flow("orthanc", "backend", site.backend.port, "Orthanc wakes the backend")


def _flows(site: Site) -> Iterator[Flow]:
    if site.dicom.ae_checks.calling_aet == "anyone":
        may = ", ".join(site.dicom.ae_checks.anyone_may) or "nothing"
        yield Flow("anyone", "orthanc", site.dicom.port, f"anyone may call: {may}")
    for name, modality in site.modalities.items():
        if is_ip(modality.address):
            yield Flow(_one(modality.address), "orthanc", site.dicom.port, f"modality {name}")
    for network in (*site.network.allowed_sources, *site.network.managed_from):
        if not is_loopback(site.http.listen_on):
            yield Flow(network, "orthanc", site.http.port, "network of the users")
    if site.backend.enabled:
        yield from _backend_flows(site)


_USES: tuple[tuple[str, Purpose, tuple[ServiceName, ...]], ...] = (
    ("users.", "password", ("orthanc",)),
    ("webhook.token", "token", ("orthanc", "backend")),
    ("backend.database.password", "password", ("database", "backend")),
    ("backend.orthanc_password", "password", ("orthanc", "backend")),
    ("backend.operator_token", "token", ("backend",)),
    ("certificates.", "pem", ()),
    ("dicom.tls.", "pem", ("orthanc",)),
    ("http.tls.", "pem", ("orthanc", "backend")),
    ("backup.environment.", "credential", ()),
    ("backup.", "password", ()),
)
"""Start of the key path of a secret -> what it is, and which services read it."""
_USES_IN_CONTAINERS: tuple[tuple[str, Purpose, tuple[ServiceName, ...]], ...] = (
    ("backend.database.password", "password", ("backend", "database-account")),
    ("backend.database.root_password", "password", ("database", "database-account")),
    ("dicom.plain.client_certificate", "pem", ("gateway",)),
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
        yield Secret(reference.secret, purpose, path, used_by)


def _accounts(site: Site) -> Iterator[Account]:
    for name, user in site.users.items():
        yield Account(name, user.role, user.password.secret)
    if site.backend.enabled:
        yield Account(BACKEND_ACCOUNT, "service", site.backend.orthanc_password.secret)
