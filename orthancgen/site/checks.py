"""What must hold between the values of an environment, beyond the type of each.

A check is a function from a :class:`Site` to the problems it sees; ``CHECKS`` names them all.
Places are added by ``load``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from orthancgen.orthanc.keys import SUPPORTED, Version, check_settings, keys_for, plugin_sections
from orthancgen.site.model import Site
from orthancgen.site.network import Vpn
from orthancgen.site.problems import KeyPath, Severity
from orthancgen.site.secrets import SecretSource
from orthancgen.site.settings import OWNED
from orthancgen.site.types import SecretRef, is_ip
from orthancgen.site.vpn import vpn_peer_key, vpn_peers


@dataclass(frozen=True, slots=True)
class Violation:
    """A problem without its place yet; ``at`` says whether the key or the value of the path is pointed at."""

    path: KeyPath
    message: str
    hint: str | None = None
    severity: Severity = "error"
    at: Literal["key", "value"] = "value"


def ports_differ(site: Site) -> Iterator[Violation]:
    """No two listeners of one host share a port."""
    taken: dict[int, str] = {}
    for path, port, used in (
        (("dicom", "port"), site.dicom.port, True),
        (("dicom", "plain", "port"), site.dicom.plain.port, site.dicom.plain.enabled),
        (("http", "port"), site.http.port, True),
        (("backend", "port"), site.backend.port, site.backend.enabled),
        # The database's container publishes no port.
        (
            ("backend", "database", "port"),
            site.backend.database.port,
            site.backend.enabled and site.runtime == "native",
        ),
        (("viewer", "port"), site.viewer.port, site.viewer.enabled),
        (("analysis", "port"), site.analysis.port, site.analysis.enabled and site.runtime == "native"),
    ):
        if used and port in taken:
            yield Violation(path, f"port {port} is {taken[port]} already")
        elif used:
            taken[port] = ".".join(path)


def aets_differ(site: Site) -> Iterator[Violation]:
    """Two modalities with one AE title: Orthanc admits the second wrongly or refuses it wrongly (see orthanc.md)."""
    fold = (lambda aet: aet) if site.dicom.ae_checks.exact_case else str.casefold
    first: dict[str, str] = {}
    anyone = site.dicom.ae_checks.calling_aet == "anyone"
    for name, modality in site.modalities.items():
        key = fold(modality.aet)
        if key in first:
            yield Violation(
                ("modalities", name, "aet"),
                f"{modality.aet} is the AE title of {first[key]} too",
                "Orthanc looks at one of them only and lets the other in from any address, or not at all: "
                "give each device its own AE title",
                "warning" if anyone else "error",
            )
        else:
            first[key] = name
    if site.verification.enabled and (same := first.get(fold(site.verification.aet))):
        yield Violation(
            ("verification", "aet"),
            f"{site.verification.aet} is the AE title of {same} too",
            "give the caller of `orthancgen verify` an AE title of its own",
        )


def names_are_free(site: Site) -> Iterator[Violation]:
    """Names that start with ``orthancgen-`` are not taken: they are those of services and of the verification."""
    for section in ("users", "modalities"):
        for name in getattr(site, section):
            if name.startswith("orthancgen-"):
                yield Violation(
                    (section, name),
                    "names that start with orthancgen- are orthancgen's own",
                    "name it otherwise",
                    at="key",
                )


def callers_can_be_told(site: Site) -> Iterator[Violation]:
    """Each form of ``calling_aet`` has what it needs, and nothing that it makes void."""
    checks = site.dicom.ae_checks
    if checks.calling_aet == "anyone":
        for name, modality in site.modalities.items():
            for command in sorted(set(checks.anyone_may) - set(modality.may)):
                yield Violation(
                    ("modalities", name, "may"),
                    f"{command} is not in the list, but anyone may {command}, so {name} may too",
                    f"take {command} out of dicom.ae_checks.anyone_may, or add it here",
                    "warning",
                )
        return
    if checks.anyone_may:
        yield Violation(
            ("dicom", "ae_checks", "anyone_may"),
            f"with calling_aet: {checks.calling_aet}, no stranger may do anything: leave the list empty",
            "one open command lets every AE title associate; permissions of known devices are `may:` of the modality",
        )
    if not site.modalities:
        yield Violation(
            ("dicom", "ae_checks", "calling_aet"),
            "only registered modalities may call, and none is registered: no image can arrive",
            "add one under modalities:",
            "warning",
        )
    if checks.calling_aet == "registered_from_own_address":
        for name, modality in site.modalities.items():
            if not is_ip(modality.address):
                yield Violation(
                    ("modalities", name, "address"),
                    f"{modality.address} is a name, and Orthanc compares the caller's address with it as text: "
                    "never equal",
                    "write the IP address, or calling_aet: registered",
                )


def somebody_administers(site: Site) -> Iterator[Violation]:
    """There is an administrator, or nobody could log in (Orthanc 1.13.0 refuses to start without users)."""
    if not any(user.role == "administrator" for user in site.users.values()):
        yield Violation(
            ("users",),
            "there is no user with the role administrator",
            "users: {orthanc: {role: administrator, password: {secret: orthanc_password}}}",
        )


def secrets_are_one_to_one(site: Site) -> Iterator[Violation]:
    """No secret serves two purposes, each listed source is complete and used."""
    used: dict[str, KeyPath] = {}
    for path, reference in secret_references(site):
        if reference.secret in used:
            yield Violation(
                (*path, "secret"),
                f"the secret {reference.secret} is {'.'.join(map(str, used[reference.secret]))} already",
                "give each its own secret: one that is known then opens one door only",
            )
        used[reference.secret] = path
    for name, source in site.secrets.items():
        yield from _source(name, source, name in used)


def _source(name: str, source: SecretSource, used: bool) -> Iterator[Violation]:
    if (source.file is None) == (source.env is None):
        yield Violation(
            ("secrets", name), "a source is file: or env:, one of them", "leave the secret out to have it generated"
        )
    if not used:
        yield Violation(("secrets", name), f"nothing uses the secret {name}", severity="warning", at="key")


def secret_references(site: Site) -> Iterator[tuple[KeyPath, SecretRef]]:
    """Every secret that the site needs as it is switched on, with the path of its reference."""
    for name, user in site.users.items():
        yield ("users", name, "password"), user.password
    if site.webhook.enabled:
        yield ("webhook", "token"), site.webhook.token
    if site.backend.enabled:
        yield ("backend", "database", "password"), site.backend.database.password
        if site.runtime != "native" and not site.scale.mongodb.hosts:
            yield ("backend", "database", "root_password"), site.backend.database.root_password
        yield ("backend", "orthanc_password"), site.backend.orthanc_password
        yield ("backend", "operator_token"), site.backend.operator_token
    if site.viewer.enabled:
        yield ("viewer", "orthanc_password"), site.viewer.orthanc_password
    if site.analysis.enabled:
        yield ("analysis", "token"), site.analysis.token
        yield ("analysis", "orthanc_password"), site.analysis.orthanc_password
    if site.dicom.tls.enabled:
        yield ("dicom", "tls", "certificate"), site.dicom.tls.certificate
        yield ("dicom", "tls", "private_key"), site.dicom.tls.private_key
        if site.dicom.tls.client_certificates == "required" or site.dicom.plain.enabled:
            yield ("dicom", "tls", "trusted"), site.dicom.tls.trusted
    if _verify_needs_certificate(site):
        yield ("certificates", "verify_client"), site.certificates.verify_client
    if site.dicom.plain.enabled:
        yield ("dicom", "plain", "client_certificate"), site.dicom.plain.client_certificate
    if site.http.tls.enabled:
        yield ("http", "tls", "certificate"), site.http.tls.certificate
        if site.backend.enabled or site.runtime != "native":
            yield ("http", "tls", "authority"), site.http.tls.authority
    if site.observability.prometheus:
        yield ("observability", "orthanc_password"), site.observability.orthanc_password
        if site.backend.enabled:
            yield ("observability", "backend_token"), site.observability.backend_token
    if site.scale.index == "postgresql":
        yield ("scale", "postgresql", "password"), site.scale.postgresql.password
        if site.scale.postgresql.authority is not None:
            yield ("scale", "postgresql", "authority"), site.scale.postgresql.authority
    if site.scale.storage == "object_storage":
        bucket = site.scale.bucket
        for field, key in (("access_key", bucket.access_key), ("secret_key", bucket.secret_key)):
            if key is not None:
                yield ("scale", "bucket", field), key
    if site.backend.enabled and site.scale.databases > 1:
        yield ("scale", "mongodb", "key"), site.scale.mongodb.key
    if site.backend.enabled and site.scale.mongodb.authority is not None:
        yield ("scale", "mongodb", "authority"), site.scale.mongodb.authority
    if site.network.vpn is not None and "wireguard" in site.network.firewall:
        yield from _vpn_keys(site, site.network.vpn)
    if site.backup.repository is not None:
        yield ("backup", "password"), site.backup.password
        for name, credential in site.backup.environment.items():
            yield ("backup", "environment", name), credential


def _vpn_keys(site: Site, vpn: Vpn) -> Iterator[tuple[KeyPath, SecretRef]]:
    yield ("network", "vpn", "private_key"), vpn.private_key
    for name in vpn_peers(site):
        own = vpn.peers.get(name)
        if own is None or own.public_key is None:
            yield ("network", "vpn", "peers", name, "private_key"), vpn_peer_key(site, name)


def viewer_has_what_it_shows(site: Site) -> Iterator[Violation]:
    """The viewer shows the backend's records, and images by DICOMweb."""
    if not site.viewer.enabled:
        return
    if not site.backend.enabled:
        yield Violation(("viewer", "enabled"), "the viewer shows the backend's records", "backend: {enabled: true}")
    if "dicomweb" not in site.orthanc.plugins:
        yield Violation(
            ("viewer", "enabled"), "the viewer fetches images by DICOMweb", "orthanc: {plugins: [dicomweb]}"
        )


def _verify_needs_certificate(site: Site) -> bool:
    """Whether `verify` shows a certificate of its own: one that is given, or of an authority that is generated."""
    tls = site.dicom.tls
    own_authority = tls.trusted.secret in site.secrets and site.certificates.verify_client.secret not in site.secrets
    return tls.enabled and tls.client_certificates == "required" and not own_authority


def webhook_has_a_receiver(site: Site) -> Iterator[Violation]:
    """A webhook needs the backend of the environment, or a URL."""
    if site.webhook.enabled and not site.backend.enabled and site.webhook.url is None:
        yield Violation(
            ("webhook", "enabled"),
            "the webhook has no receiver: the backend is switched off and no url is named",
            "webhook: {enabled: false}",
        )


def settings_are_known(site: Site, version: Version) -> Iterator[Violation]:
    """Each key of ``orthanc.settings`` is known to that version, of its type, and not said elsewhere in the model."""
    path: KeyPath = ("orthanc", "settings")
    for key in site.orthanc.settings:
        if key in OWNED:
            yield Violation((*path, key), f"{key} is said by the model: {OWNED[key]}", at="key")
    known = {*keys_for(version), *plugin_sections()}
    others = {key: value for key, value in site.orthanc.settings.items() if key not in OWNED}
    for problem in check_settings(others, version):
        unknown = len(problem.path) == 1 and problem.path[0] not in known
        at: Literal["key", "value"] = "key" if unknown else "value"
        yield Violation((*path, *problem.path), problem.message, problem.hint, at=at)


def target_version(site: Site, installed: Version | None = None) -> Version:
    """The version that the environment is checked against: for ``auto`` the installed one, or the newest known."""
    if site.orthanc.version == "auto":
        return installed or SUPPORTED[-1]
    return Version.parse(site.orthanc.version)


def deployment_has_a_host(site: Site) -> Iterator[Violation]:
    """Nothing is said of a host that is not named, and systemd keeps up what the native runtime starts."""
    deployment = site.deployment
    for key, said in (
        ("port", deployment.port != 22),
        ("user", deployment.user is not None),
        ("become", not deployment.become),
    ):
        if said and deployment.host is None:
            yield Violation(
                ("deployment", key),
                "no host is named, so this says nothing",
                "deployment: {host: pacs.hospital.example}",
                "warning",
            )
    if deployment.supervisor_under == "systemd" and site.runtime != "native":
        yield Violation(
            ("deployment", "supervisor_under"),
            f"the runtime {site.runtime} has no supervisor: the engine starts its containers again by itself",
            "leave it out, or runtime: native",
        )


def version_is_known(site: Site, version: Version) -> Iterator[Violation]:
    """The version is one whose keys are known."""
    if version < SUPPORTED[0]:
        yield Violation(("orthanc", "version"), f"Orthanc {version} is older than {SUPPORTED[0]}, the oldest one known")
    elif version > SUPPORTED[-1]:
        yield Violation(
            ("orthanc", "version"),
            f"Orthanc {version} is newer than {SUPPORTED[-1]}, the newest one known: "
            "its keys are checked as of that one",
            severity="warning",
        )


def quirks_are_known(site: Site, version: Version) -> Iterator[Violation]:
    """A manufacturer's quirk is one that the version has."""
    if version < Version.parse("1.13.0"):
        for name, modality in site.modalities.items():
            if modality.manufacturer == "SiemensSyngoCT":
                yield Violation(
                    ("modalities", name, "manufacturer"), "SiemensSyngoCT came with Orthanc 1.13.0", "write Generic"
                )


def full_storage_can_be_refused(site: Site, version: Version) -> Iterator[Violation]:
    """``MaximumStorageMode`` came with 1.11.3; an older Orthanc deletes the oldest patients at the limit."""
    storage = site.orthanc.storage
    limited = storage.limit_megabytes or storage.limit_patients
    if limited and storage.when_full == "reject" and version < Version.parse("1.11.3"):
        yield Violation(
            ("orthanc", "storage", "when_full"),
            f"Orthanc {version} cannot refuse images at the limit: it deletes the oldest patients",
            "leave the limit out, say when_full: recycle, or use Orthanc 1.11.3 or newer",
        )


def address_can_be_chosen(site: Site, version: Version) -> Iterator[Violation]:
    """``HttpBindAddresses`` came with 1.12.10; an older Orthanc serves its own host, or every address of it."""
    address, simple = site.http.listen_on, {"127.0.0.1", "0.0.0.0"}  # noqa: S104
    if site.runtime == "native" and address not in simple and "HttpBindAddresses" not in keys_for(version):
        yield Violation(
            ("http", "listen_on"),
            f"Orthanc {version} cannot listen on {address} alone: it serves this host, or every address of it",
            "write 127.0.0.1 or 0.0.0.0, or use Orthanc 1.12.10 or newer",
        )


def certificates_can_be_left_out(site: Site, version: Version) -> Iterator[Violation]:
    """``DicomTlsRemoteCertificateRequired: false`` still needs trusted authorities before 1.12.4, or it does not start.

    Seen with 1.10.1: "Cannot read file with trusted certificates".
    """
    tls = site.dicom.tls
    if tls.enabled and tls.client_certificates == "not_asked" and version < Version.parse("1.12.4"):
        yield Violation(
            ("dicom", "tls", "client_certificates"),
            f"Orthanc {version} does not start without authorities whose certificates it trusts",
            "client_certificates: required, or Orthanc 1.12.4 or newer",
        )


def certificates_can_be_renewed(site: Site) -> Iterator[Violation]:
    """A new certificate is not due for renewal at once."""
    said = site.certificates
    if said.renew_days >= said.valid_days:
        yield Violation(
            ("certificates", "renew_days"),
            f"a certificate that holds for {said.valid_days} days would be due for renewal from its first day",
            "make renew_days smaller than valid_days",
        )


CHECKS: tuple[Callable[[Site], Iterator[Violation]], ...] = (
    ports_differ,
    aets_differ,
    names_are_free,
    callers_can_be_told,
    somebody_administers,
    secrets_are_one_to_one,
    certificates_can_be_renewed,
    webhook_has_a_receiver,
    viewer_has_what_it_shows,
    deployment_has_a_host,
)
VERSION_CHECKS: tuple[Callable[[Site, Version], Iterator[Violation]], ...] = (
    version_is_known,
    settings_are_known,
    quirks_are_known,
    full_storage_can_be_refused,
    address_can_be_chosen,
    certificates_can_be_left_out,
)
"""Checks against the version of Orthanc that will run."""
