"""``plan(site)``: derive services, flows, secrets and accounts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from orthancgen.orthanc.keys import Version
from orthancgen.plan.model import Account, Flow, Listener, Plan, Purpose, Secret, Service, ServiceName
from orthancgen.site.checks import secret_references, target_version
from orthancgen.site.model import Site
from orthancgen.site.problems import format_path
from orthancgen.site.types import is_ip, is_loopback

BACKEND_ACCOUNT = "orthancgen-backend"
LOOPBACK = "127.0.0.1"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  Orthanc's DICOM port always listens on every address


def plan(site: Site, version: Version | None = None) -> Plan:
    """Derive the plan.

    Args:
        site: what is wanted.
        version: the Orthanc that will run, as loading the environment found it; without it, what the site names.
    """
    version = version or target_version(site)
    return Plan(
        site, version, tuple(_services(site)), tuple(_flows(site)), tuple(_secrets(site)), tuple(_accounts(site))
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


def _flows(site: Site) -> Iterator[Flow]:
    if site.dicom.ae_checks.calling_aet == "anyone":
        may = ", ".join(site.dicom.ae_checks.anyone_may) or "nothing"
        yield Flow("anyone", "orthanc", site.dicom.port, f"anyone may call: {may}")
    for name, modality in site.modalities.items():
        if is_ip(modality.address):
            length = 128 if ":" in modality.address else 32
            yield Flow(f"{modality.address}/{length}", "orthanc", site.dicom.port, f"modality {name}")
    for network in (*site.network.allowed_sources, *site.network.managed_from):
        if not is_loopback(site.http.listen_on):
            yield Flow(network, "orthanc", site.http.port, "network of the users")
    if site.backend.enabled:
        yield Flow("backend", "orthanc", site.http.port, "the backend follows Orthanc's changes")
        yield Flow("backend", "database", site.backend.database.port, "the backend keeps its records")
        if site.webhook.enabled and site.webhook.url is None:
            yield Flow("orthanc", "backend", site.backend.port, "Orthanc wakes the backend")


_USES: tuple[tuple[str, Purpose, tuple[ServiceName, ...]], ...] = (
    ("users.", "password", ("orthanc",)),
    ("webhook.token", "token", ("orthanc", "backend")),
    ("backend.database.password", "password", ("database", "backend")),
    ("backend.orthanc_password", "password", ("orthanc", "backend")),
    ("backend.operator_token", "token", ("backend",)),
    ("dicom.tls.", "pem", ("orthanc",)),
    ("http.tls.", "pem", ("orthanc", "backend")),
)
"""Start of the key path of a secret -> what it is, and which services read it."""


def _secrets(site: Site) -> Iterator[Secret]:
    for path, reference in secret_references(site):
        written = format_path(path)
        purpose, used_by = next((use[1], use[2]) for use in _USES if written.startswith(use[0]))
        yield Secret(reference.secret, purpose, path, used_by)


def _accounts(site: Site) -> Iterator[Account]:
    for name, user in site.users.items():
        yield Account(name, user.role, user.password.secret)
    if site.backend.enabled:
        yield Account(BACKEND_ACCOUNT, "service", site.backend.orthanc_password.secret)
