"""What the certificates of an environment say, and what is wrong with them; those that the site brings too."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from orthancgen.certs.issue import (
    fingerprint,
    hosts_of,
    load_certificates,
    load_key,
    same_key,
    serial,
    signed_by,
    usages,
    usages_of,
    weakness,
)
from orthancgen.certs.kinds import AUTHORITIES, DICOM_CLIENT, AuthorityName, Purpose
from orthancgen.certs.store import AuthorityStore
from orthancgen.certs.wanted import PARTS, TRUSTED, client_leaf, site_leaf
from orthancgen.plan.model import Plan
from orthancgen.secrets.value import SecretValue

_GOOD_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate for a reader. Of its key there is nothing but whether it fits.

    Attributes:
        name: `site.dicom`, `ca.dicom`, or a modality's name.
        purpose: what it is for.
        own: whether the site brought it.
        problems: what is wrong with it, each with nothing secret in it.
    """

    name: str
    purpose: str
    own: bool
    subject: str = ""
    issuer: str = ""
    serial: str = ""
    hosts: tuple[str, ...] = ()
    valid_from: str = ""
    valid_until: str = ""
    days_left: int = 0
    fingerprint: str = ""
    problems: tuple[str, ...] = field(default=())


def examine(
    plan: Plan, values: Mapping[str, SecretValue], store: AuthorityStore, now: datetime.datetime | None = None
) -> tuple[Shown, ...]:
    """Every certificate of an environment: authorities, the site's own, and the modalities'.

    Args:
        plan: what the certificates must say.
        values: the secrets in use, from wherever they come.
        store: the site's own authorities.
        now: the moment to judge by.

    Raises:
        DeployError: the authorities are damaged.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    return tuple(_all(plan, values, store, now))


def _all(
    plan: Plan, values: Mapping[str, SecretValue], store: AuthorityStore, now: datetime.datetime
) -> Iterator[Shown]:
    site, renew = plan.site, plan.site.certificates.renew_days
    trusted: dict[AuthorityName, list[x509.Certificate]] = {}
    for secret in plan.secrets:
        if secret.said_by not in TRUSTED:
            continue
        authority, own = TRUSTED[secret.said_by], secret.name in site.secrets
        found, wrong = _certificates(values.get(secret.name))
        trusted[authority] = found
        if wrong:
            yield Shown(f"ca.{authority}", "authority", own, problems=(f"{secret.name}: {wrong}",))
        for one in found:
            yield _show(f"ca.{authority}", "authority", own, one, now, _authority_problems(one, now, renew))
    generated = {one: list(store.trusted(one)) for one in AUTHORITIES}
    by_leaf: dict[str, list[str]] = {}
    for secret in plan.secrets:
        if secret.said_by in PARTS:
            by_leaf.setdefault(PARTS[secret.said_by][0], []).append(secret.name)
    revoked = store.revoked_serials()
    for name, secrets in by_leaf.items():
        leaf, own = site_leaf(site, name), any(secret in site.secrets for secret in secrets)
        text = "\n".join(values[secret].reveal() for secret in secrets if secret in values)
        # Who shows it to whom decides who must trust it; the DICOM server's own is trusted by modalities, not by us.
        issuers = trusted.get(leaf.purpose.authority, []) if own else generated[leaf.purpose.authority]
        wanted_hosts = leaf.hosts if not own else site.certificates.names
        compared = None if own and leaf.name == "site.dicom" else issuers
        yield _leaf(name, leaf.purpose, own, text, compared, wanted_hosts, revoked, now, renew, with_key=True)
    for name, text in store.clients().items():
        modality = site.modalities.get(name)
        purpose = client_leaf(name, modality).purpose if modality else DICOM_CLIENT
        hosts = (modality.address,) if modality else ()
        shown = _leaf(
            name, purpose, False, text, generated["dicom"], hosts, revoked, now, renew, with_key="PRIVATE KEY" in text
        )
        yield shown


def _certificates(value: SecretValue | None) -> tuple[list[x509.Certificate], str | None]:
    if value is None:
        return [], "there is no value yet"
    try:
        return load_certificates(value.reveal()), None
    except ValueError:
        return [], "there is no certificate in it that can be read"


def _leaf(
    name: str,
    purpose: Purpose,
    own: bool,
    text: str,
    issuers: list[x509.Certificate] | None,
    hosts: tuple[str, ...],
    revoked: frozenset[str],
    now: datetime.datetime,
    renew: int,
    *,
    with_key: bool,
) -> Shown:
    found, wrong = _certificates(SecretValue(text) if text else None)
    if wrong:
        return Shown(name, purpose.title, own, problems=(wrong,))
    certificate = found[0]
    problems = [*_life(certificate, now, renew), *_strength(certificate)]
    if with_key:
        try:
            if not same_key(certificate, load_key(text)):
                problems.append("the private key is not that of the certificate")
        except ValueError as error:
            problems.append(str(error))
    # A certificate with a chain: each is signed by the next, the last by somebody who is trusted.
    if issuers is not None and not any(signed_by(found[-1], one) or found[-1] == one for one in issuers):
        problems.append(f"no authority that is trusted signed it: its issuer is {certificate.issuer.rfc4514_string()}")
    if any(not signed_by(low, high) for low, high in itertools.pairwise(found)):
        problems.append("the chain is broken: a certificate is not signed by the one after it")
    if missing := [
        _usage(oid) for oid in usages(purpose) if usages_of(certificate) and oid not in usages_of(certificate)
    ]:
        problems.append(f"its extended key usage lacks {', '.join(missing)}")
    if not own and (more := usages_of(certificate) - set(usages(purpose))):
        problems.append(f"its extended key usage has {', '.join(sorted(map(_usage, more)))}, which it must not have")
    if not hosts_of(certificate) and purpose.server:
        problems.append("it has no subject alternative name: nobody can compare whom it is of")
    elif lacking := [host for host in hosts if not _covers(hosts_of(certificate), host)]:
        problems.append(f"its subject alternative name lacks {', '.join(lacking)}")
    if serial(certificate) in revoked:
        problems.append("it is revoked")
    return _show(name, purpose.title, own, certificate, now, problems)


def _usage(oid: x509.ObjectIdentifier) -> str:
    return {"1.3.6.1.5.5.7.3.1": "serverAuth", "1.3.6.1.5.5.7.3.2": "clientAuth"}.get(
        oid.dotted_string, oid.dotted_string
    )


def _covers(names: tuple[str, ...], host: str) -> bool:
    """Whether one of the names is the host, or a wildcard for its first label (RFC 9525 section 6.3)."""
    folded = {name.casefold() for name in names}
    wild = "*." + host.casefold().partition(".")[2]
    return host.casefold() in folded or wild in folded


def _life(certificate: x509.Certificate, now: datetime.datetime, renew: int) -> Iterator[str]:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        yield f"it is not valid before {begin:%Y-%m-%d %H:%M} UTC"
    elif now >= end:
        yield f"it expired on {end:%Y-%m-%d %H:%M} UTC"
    elif end - now < datetime.timedelta(days=renew):
        yield f"it expires in {(end - now).days} days, on {end:%Y-%m-%d}"


def _strength(certificate: x509.Certificate) -> Iterator[str]:
    if weak := weakness(certificate.public_key()):
        yield f"its key is too weak: {weak}"
    algorithm = certificate.signature_hash_algorithm
    if algorithm is not None and not isinstance(algorithm, _GOOD_HASHES):
        yield f"it is signed by way of {algorithm.name}, which can be forged"


def _authority_problems(certificate: x509.Certificate, now: datetime.datetime, renew: int) -> list[str]:
    problems = [*_life(certificate, now, renew), *_strength(certificate)]
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        basic = False
    # A self-signed certificate of one device may stand in a list of trusted ones: it vouches for itself alone.
    if not basic and certificate.issuer != certificate.subject:
        problems.append("it is no authority (basicConstraints)")
    return problems


def _show(
    name: str, purpose: str, own: bool, certificate: x509.Certificate, now: datetime.datetime, problems: list[str]
) -> Shown:
    return Shown(
        name,
        purpose,
        own,
        certificate.subject.rfc4514_string(),
        certificate.issuer.rfc4514_string(),
        serial(certificate),
        hosts_of(certificate),
        certificate.not_valid_before_utc.isoformat(),
        certificate.not_valid_after_utc.isoformat(),
        (certificate.not_valid_after_utc - now).days,
        fingerprint(certificate),
        tuple(problems),
    )
