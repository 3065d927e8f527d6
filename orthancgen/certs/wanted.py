"""Which certificates a plan needs that nobody brings, and in which secrets their parts lie. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.certs.kinds import (
    DICOM_CLIENT,
    DICOM_PEER,
    DICOM_SERVER,
    HTTPS_SERVER,
    AuthorityName,
    Leaf,
    Purpose,
)
from orthancgen.plan.model import Plan, Secret
from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath

Part = Literal["certificate", "key", "both"]
ORTHANC: Final = "site.dicom"
HTTPS: Final = "site.https"
GATEWAY: Final = "site.gateway"
VERIFY: Final = "site.verify"

PARTS: Final[dict[KeyPath, tuple[str, Part]]] = {
    ("dicom", "tls", "certificate"): (ORTHANC, "certificate"),
    ("dicom", "tls", "private_key"): (ORTHANC, "key"),
    ("http", "tls", "certificate"): (HTTPS, "both"),
    ("dicom", "plain", "client_certificate"): (GATEWAY, "both"),
    ("certificates", "verify_client"): (VERIFY, "both"),
}
"""Key path of a secret -> the certificate that it is of, and which part."""
TRUSTED: Final[dict[KeyPath, AuthorityName]] = {
    ("dicom", "tls", "trusted"): "dicom",
    ("http", "tls", "authority"): "https",
}
"""Key path of a secret -> the authority whose certificate it is."""
_PURPOSES: Final[dict[str, Purpose]] = {
    ORTHANC: DICOM_SERVER,
    HTTPS: HTTPS_SERVER,
    GATEWAY: DICOM_CLIENT,
    VERIFY: DICOM_CLIENT,
}
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104


@dataclass(frozen=True, slots=True)
class Wanted:
    """A certificate to generate, and the secrets that take its parts."""

    leaf: Leaf
    secrets: tuple[tuple[str, Part], ...]


def wanted(plan: Plan) -> tuple[Wanted, ...]:
    """The certificates to generate, in the order of the plan's secrets."""
    found: dict[str, list[tuple[str, Part]]] = {}
    for secret in plan.secrets:
        if secret.said_by in PARTS and secret.name not in plan.site.secrets:
            name, part = PARTS[secret.said_by]
            found.setdefault(name, []).append((secret.name, part))
    return tuple(Wanted(site_leaf(plan.site, name), tuple(parts)) for name, parts in found.items())


def site_leaf(site: Site, name: str) -> Leaf:
    """What a certificate of the site itself says."""
    title = {
        ORTHANC: f"{site.orthanc.aet} DICOM {site.environment}",
        HTTPS: f"{site.orthanc.aet} HTTPS {site.environment}",
        GATEWAY: f"gateway {site.environment}",
        VERIFY: f"orthancgen verify {site.environment}",
    }[name]
    purpose = _PURPOSES[name]
    return Leaf(name, purpose, title, server_hosts(site) if purpose.server else (name.replace(".", "-"),))


def server_hosts(site: Site) -> tuple[str, ...]:
    """Names and addresses by which the site's servers are reached: from itself, among services, and as it says."""
    listening = (site.http.listen_on, site.backend.listen_on, site.dicom.published_on or "")
    every = (
        "localhost", "127.0.0.1", "::1", "orthanc", "gateway", *site.certificates.names,
        *(address for address in listening if address and address not in _EVERYWHERE),
    )  # fmt: skip
    return tuple(dict.fromkeys(every))


def client_leaf(name: str, modality: Modality) -> Leaf:
    """What a modality's certificate says: a server's only where Orthanc calls it, and then for its own address alone.

    The address is in it for the audit log of who trusts it; Orthanc compares no names of callers.
    """
    return Leaf(name, DICOM_PEER if modality.tls else DICOM_CLIENT, f"{name} {modality.aet}", (modality.address,))


def mismatches(plan: Plan) -> dict[str, str]:
    """Secrets of the site's own whose counterpart would be generated and cannot fit: secret -> why and what to do."""
    by_path = {secret.said_by: secret for secret in plan.secrets}
    problems: dict[str, str] = {}

    def own(path: KeyPath) -> bool:
        return path in by_path and by_path[path].name in plan.site.secrets

    def lacks(path: KeyPath, because: KeyPath, why: str) -> None:
        secret: Secret | None = by_path.get(path)
        if secret is not None and own(because) and not own(path):
            problems[secret.name] = (
                f"{why}: name its file too, secrets: {{{secret.name}: {{file: /...}}}}, "
                f"or take {by_path[because].name} out of secrets:"
            )

    certificate, key = ("dicom", "tls", "certificate"), ("dicom", "tls", "private_key")
    trusted, gateway = ("dicom", "tls", "trusted"), ("dicom", "plain", "client_certificate")
    https, authority = ("http", "tls", "certificate"), ("http", "tls", "authority")
    lacks(key, certificate, "the key of a certificate of your own is yours as well")
    lacks(certificate, key, "the certificate of a key of your own is yours as well")
    lacks(gateway, trusted, "your authority of DICOM callers did not sign a generated certificate")
    lacks(authority, https, "the authority of a certificate of your own is yours as well")
    lacks(https, authority, "your authority did not sign a generated certificate")
    return problems
