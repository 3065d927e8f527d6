"""The PEM values that nobody brings: kept as long as they fit the model, issued anew where they do not."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orthancgen.certs.issue import (
    certificate_pem,
    hosts_of,
    key_pem,
    load_certificates,
    load_key,
    new_key,
    same_key,
    serial,
    signed_by,
    usages,
    usages_of,
)
from orthancgen.certs.kinds import Leaf
from orthancgen.certs.store import AuthorityStore, SupposedAuthorities
from orthancgen.certs.wanted import TRUSTED, Part, Wanted, mismatches, wanted
from orthancgen.errors import DeployError
from orthancgen.plan.model import Plan
from orthancgen.secrets.value import SecretValue

if TYPE_CHECKING:
    from orthancgen.secrets.store import SecretStore


def authorities(plan: Plan, store: SecretStore, *, looking: bool = False) -> AuthorityStore:
    """The authorities of an environment: `ca/` beside its secrets; with `looking`, nothing is ever written there."""
    said = plan.site.certificates
    return (SupposedAuthorities if looking else AuthorityStore)(
        store.authorities, plan.site.environment, said.organisation, said.key
    )


def generated(
    plan: Plan, store: SecretStore, now: datetime.datetime | None = None, *, looking: bool = False
) -> tuple[dict[str, SecretValue], dict[str, str]]:
    """Values of the PEM secrets without a source.

    The authorities are made where there are none, and what is issued is entered into their index; the values
    themselves are written by nobody here. With `looking`, all of that is supposed alone, and nothing is written.

    Returns:
        Values by secret, and problems by secret: those that cannot be generated beside what the site brings itself.

    Raises:
        DeployError: the authorities are damaged, or gone while certificates of theirs are in use.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    problems = mismatches(plan)
    leaves = [one for one in wanted(plan) if not any(name in problems for name, _ in one.secrets)]
    trusts = {
        secret.name: TRUSTED[secret.said_by]
        for secret in plan.secrets
        if secret.said_by in TRUSTED and secret.name not in plan.site.secrets and secret.name not in problems
    }
    if not leaves and not trusts:
        return {}, problems
    own = authorities(plan, store, looking=looking)
    for name, authority in trusts.items():
        if store.read(name) is not None and not (own.folder / f"{authority}.pem").exists():
            raise DeployError(
                f"the {authority} authority of {plan.site.environment} is gone: {own.folder} has no {authority}.pem, "
                f"but its certificate is in use",
                hint=f"restore the folder from a backup of the state folder; or remove {store.path(name)} and deploy: "
                "then every modality needs a new certificate",
            )
    values: dict[str, SecretValue] = {}
    with own.locked():
        for one in leaves:
            values |= _kept(one, store, own, now) or _parts(one, *_issued(one.leaf, plan, own, now))
        for name, authority in trusts.items():
            own.ensure(authority, now)
            values[name] = SecretValue("".join(map(certificate_pem, own.trusted(authority))))
    return values, problems


def renewed(
    one: Wanted, plan: Plan, own: AuthorityStore, now: datetime.datetime | None = None
) -> dict[str, SecretValue]:
    """New values for a certificate of the site, with a new key. To be called with the authorities held.

    Raises:
        DeployError: the authorities are damaged.
    """
    return _parts(one, *_issued(one.leaf, plan, own, now or datetime.datetime.now(datetime.UTC)))


def _issued(leaf: Leaf, plan: Plan, own: AuthorityStore, now: datetime.datetime) -> tuple[str, str]:
    key = new_key(plan.site.certificates.key)
    authority = own.issuing(leaf.purpose.authority, for_clients=not leaf.purpose.server, now=now)
    certificate = own.sign(authority, key.public_key(), leaf, plan.site.certificates.valid_days, now)
    return certificate_pem(certificate), key_pem(key)


def _parts(one: Wanted, certificate: str, key: str) -> dict[str, SecretValue]:
    texts: dict[Part, str] = {"certificate": certificate, "key": key, "both": certificate + key}
    return {name: SecretValue(texts[part]) for name, part in one.secrets}


def _kept(
    one: Wanted, store: SecretStore, own: AuthorityStore, now: datetime.datetime
) -> dict[str, SecretValue] | None:
    """The values that wait or are in use, where they belong together and still say what is wanted."""
    for read in (store.waiting, store.read):
        values = {name: value for name, _ in one.secrets if (value := read(name)) is not None}
        if len(values) == len(one.secrets) and fits(one.leaf, list(values.values()), own, now):
            return values
    return None


def fits(leaf: Leaf, values: list[SecretValue], own: AuthorityStore, now: datetime.datetime) -> bool:
    """Whether certificate and key belong together, are of the authorities, hold, and say what is wanted."""
    text = "\n".join(value.reveal() for value in values)
    try:
        certificate, key = load_certificates(text)[0], load_key(text, ours=True)
    except ValueError:
        return False
    return (
        same_key(certificate, key)
        and any(signed_by(certificate, authority) for authority in own.trusted(leaf.purpose.authority))
        and set(hosts_of(certificate)) == set(leaf.hosts)
        and usages_of(certificate) == set(usages(leaf.purpose))
        and certificate.not_valid_after_utc > now
        and serial(certificate) not in own.revoked_serials()
    )


def in_use(one: Wanted, values: Mapping[str, SecretValue]) -> str | None:
    """The PEM of a certificate with its key among the values of secrets, or None where one is missing."""
    parts = [values.get(name) for name, _ in one.secrets]
    return None if None in parts else "\n".join(part.reveal() for part in parts if part)
