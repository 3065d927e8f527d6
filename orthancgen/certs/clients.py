"""A modality's certificate: issued here with a key of ours, or for a request of the vendor's, who keeps the key."""

from __future__ import annotations

import datetime

from cryptography import x509

from orthancgen.certs.issue import (
    PublicKey,
    hosts_of,
    load_certificates,
    new_key,
    public_key_of_request,
    serial,
    signed_by,
    usages,
    usages_of,
)
from orthancgen.certs.kinds import Leaf
from orthancgen.certs.store import AuthorityStore
from orthancgen.certs.wanted import client_leaf
from orthancgen.errors import InputError
from orthancgen.plan.model import Plan


def leaf_of(plan: Plan, name: str) -> Leaf:
    """What the certificate of a modality says.

    Raises:
        InputError: there is no such modality, the environment has no DICOM TLS, or its authority is not ours.
    """
    site = plan.site
    if name not in site.modalities:
        known = ", ".join(site.modalities) or "none"
        raise InputError(f"no modality {name} in {site.environment}", hint=f"there are: {known}")
    if not site.dicom.tls.enabled:
        raise InputError(
            f"{site.environment} has no DICOM TLS: no caller shows a certificate", hint="dicom: {tls: {enabled: true}}"
        )
    if site.dicom.tls.trusted.secret in site.secrets:
        raise InputError(
            f"the authority of DICOM callers is your own (secrets: {site.dicom.tls.trusted.secret})",
            hint="have it sign the modality's certificate; or take the secret out of secrets:, to have one generated",
        )
    return client_leaf(name, site.modalities[name])


def issue_client(
    plan: Plan, own: AuthorityStore, name: str, request: bytes | None = None, now: datetime.datetime | None = None
) -> x509.Certificate:
    """Issue a certificate for a modality, and keep it to hand it over.

    Args:
        plan: the plan, which says what the certificate says.
        own: the authorities; not held.
        name: of the modality.
        request: a certificate request, of which nothing but the public key is taken; without it a key is made.
        now: the moment of issue.

    Raises:
        InputError: the modality can have none, or the request is refused.
        DeployError: the authorities are damaged or cannot be used.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    leaf = leaf_of(plan, name)
    if request is not None:
        public_key: PublicKey = public_key_of_request(request)
        key = None
    else:
        key = new_key(plan.site.certificates.key)
        public_key = key.public_key()
    with own.locked():
        authority = own.issuing("dicom", for_clients=True, now=now)
        if any(one.public_key() == public_key for one in own.trusted("dicom")):
            raise InputError("the request has the key of the authority itself")
        certificate = own.sign(authority, public_key, leaf, plan.site.certificates.valid_days, now)
        own.keep_client(name, certificate, key)
    return certificate


def renew_client(plan: Plan, own: AuthorityStore, name: str, now: datetime.datetime | None = None) -> x509.Certificate:
    """Issue the certificate of a modality again: with a new key, or for the vendor's key where we have none.

    Raises:
        InputError: none was issued, or the modality can have none any more.
        DeployError: the authorities are damaged or cannot be used.
    """
    text = own.client(name)
    if text is None:
        raise InputError(f"no certificate was issued for {name}", hint=f"orthancgen certs issue ENV {name}")
    if "PRIVATE KEY" in text:
        return issue_client(plan, own, name, now=now)
    now = now or datetime.datetime.now(datetime.UTC)
    leaf, public_key = leaf_of(plan, name), load_certificates(text)[0].public_key()
    with own.locked():
        authority = own.issuing("dicom", for_clients=True, now=now)
        certificate = own.sign(authority, public_key, leaf, plan.site.certificates.valid_days, now)
        own.keep_client(name, certificate, None)
    return certificate


def current(plan: Plan, own: AuthorityStore, name: str, now: datetime.datetime | None = None) -> str | None:
    """PEM of the certificate of a modality, as long as it holds and says what the model says; None otherwise."""
    now = now or datetime.datetime.now(datetime.UTC)
    leaf, text = leaf_of(plan, name), own.client(name)
    if text is None:
        return None
    certificate = load_certificates(text)[0]
    authority = own.read("dicom", following=True) or own.read("dicom")
    good = (
        authority is not None
        and signed_by(certificate, authority.certificate)
        and certificate.not_valid_after_utc > now
        and hosts_of(certificate) == leaf.hosts
        and usages_of(certificate) == set(usages(leaf.purpose))
        and serial(certificate) not in own.revoked_serials()
    )
    return text if good else None
